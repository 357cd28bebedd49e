package studio.actions.start;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.net.BindException;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;

import javax.sql.DataSource;

import org.flywaydb.core.Flyway;
import org.hibernate.tool.schema.spi.SchemaManagementException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.postgresql.ds.PGSimpleDataSource;

import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfigBuilder;
import studio.actions.database.DatabaseCheck;
import studio.actions.database.DatabaseUrl;
import studio.actions.testing.Postgres;

/** Databases that the service cannot use. Each is reported in one sentence that says what to do. */
class StartFailureTest {

    @TempDir
    static Path folder;

    private static Postgres postgres;

    @BeforeAll
    static void start() throws Exception {
        postgres = new Postgres(folder);
        postgres.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
        postgres.execute("CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
        postgres.execute("CREATE DATABASE fresh");
        postgres.execute("CREATE ROLE guest LOGIN PASSWORD 'right'");
        postgres.execute("CREATE ROLE standby LOGIN; ALTER ROLE standby SET default_transaction_read_only = on");
        postgres.execute("CREATE ROLE blind LOGIN; ALTER ROLE blind SET search_path = nowhere");
        Path access = folder.resolve("postgres/pg_hba.conf");
        Files.writeString(access, "host all guest 127.0.0.1/32 scram-sha-256\n" + Files.readString(access));
        postgres.execute("SELECT pg_reload_conf()");
    }

    @AfterAll
    static void stop() throws IOException {
        postgres.close();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "fresh | guest | right | has no schema in which its user may make tables. | GRANT USAGE, CREATE ON SCHEMA public TO guest",
            "fresh | blind | - | does not give its user the rights that the service needs: | owner",
            "postgres | guest | wrong | refuses the login: | QUARKUS_DATASOURCE_PASSWORD",
            "postgres | nobody | - | refuses the login: | QUARKUS_DATASOURCE_USERNAME",
            "nothing | postgres | - | does not exist: | CREATE DATABASE",
            "latin | postgres | - | is encoded in LATIN1 | ENCODING 'UTF8'",
            "ascii | postgres | - | is encoded in SQL_ASCII | ENCODING 'UTF8'",
            "postgres | standby | - | is read-only. | primary server" })
    void saysWhatIsWrongWithADatabase(String database, String user, String password, String wrong, String todo) {
        PGSimpleDataSource source = source(database, user, password);

        assertThat(line(source, migrating(source))).startsWith("The database at jdbc:postgresql://127.0.0.1:").contains(wrong)
                .contains(todo).doesNotContain("right?user");
    }

    @Test
    void saysThatPostgresIsTooOld() {
        PGSimpleDataSource source = source("postgres", "postgres", "-");

        assertThat(line(source, migrating(ofVersion(14, source))))
                .contains("is PostgreSQL 14. The service needs PostgreSQL 15");
        assertThat(migrating(ofVersion(15, source))).isNull();
    }

    @Test
    void saysThatTablesWereChanged() {
        assertThat(line(source("postgres", "postgres", "-"), new IllegalStateException(
                new SchemaManagementException("Schema validation: missing column [url] in table [action]"))))
                .contains("does not have the tables of this version: Schema validation: missing column [url]");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = { "Address already in use | is in use by another process",
            "Cannot assign requested address | does not have that address", "Permission denied | need a right" })
    void saysWhyAPortCannotBeListenedOn(String message, String why) {
        BindException failure = new BindException(message);

        assertThat(line(source("postgres", "postgres", "-"), new IllegalStateException(failure)))
                .contains("QUARKUS_MANAGEMENT_")
                .contains(why);
    }

    @Test
    void namesTheStartupParameterThatAPoolMustIgnore() {
        assertThat(line(source("postgres", "postgres", "-"), new IllegalStateException(
                new SQLException("FATAL: unsupported startup parameter: extra_float_digits", "08P01"))))
                .contains("ignore_startup_parameters = extra_float_digits");
    }

    @Test
    void reportsOtherFailuresWithoutAStackTrace() {
        assertThat(line(source("postgres", "postgres", "-"),
                new IllegalStateException(new UnknownHostException("300.1.1.1"))))
                .startsWith("UnknownHostException: 300.1.1.1");
    }

    private static Throwable migrating(DataSource source) {
        return catchThrowable(() -> Flyway.configure().dataSource(source).callbacks(new DatabaseCheck())
                .locations("classpath:db/none").failOnMissingLocations(false).load().migrate());
    }

    private static String line(PGSimpleDataSource source, Throwable failure) {
        assertThat(failure).isNotNull();
        List<String> lines = new StartFailure(failure, new SmallRyeConfigBuilder().withSources(new PropertiesConfigSource(
                Map.of(DatabaseUrl.KEY, source.getUrl()), "test", 300)).build(), null).lines();
        assertThat(lines).hasSize(1);
        return lines.get(0);
    }

    private static PGSimpleDataSource source(String database, String user, String password) {
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setServerNames(new String[] { "127.0.0.1" });
        source.setPortNumbers(new int[] { postgres.port() });
        source.setDatabaseName(database);
        source.setUser(user);
        source.setPassword(password);
        return source;
    }

    /** Returns a data source that reports another server version. */
    private static DataSource ofVersion(int version, DataSource source) {
        return (DataSource) proxy(DataSource.class, source, version);
    }

    private static Object proxy(Class<?> type, Object behind, int version) {
        return Proxy.newProxyInstance(StartFailureTest.class.getClassLoader(), new Class<?>[] { type },
                (self, method, args) -> {
                    if (method.getName().equals("getDatabaseMajorVersion")) {
                        return version;
                    }
                    try {
                        Object answer = method.invoke(behind, args);
                        return answer instanceof Connection ? proxy(Connection.class, answer, version)
                                : answer instanceof DatabaseMetaData ? proxy(DatabaseMetaData.class, answer, version) : answer;
                    } catch (InvocationTargetException e) {
                        throw (SQLException) e.getCause();
                    }
                });
    }
}
