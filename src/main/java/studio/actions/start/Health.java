package studio.actions.start;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

import jakarta.inject.Singleton;

import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.HealthCheckResponseBuilder;
import org.eclipse.microprofile.health.Readiness;
import org.eclipse.microprofile.health.Startup;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.MigrationInfo;

import io.agroal.api.AgroalDataSource;
import io.smallrye.health.api.AsyncHealthCheck;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.database.DatabaseHealth;
import studio.actions.database.Notifications;
import studio.actions.zou.Zou;

/**
 * Health checks for probes, besides those of Quarkus. The service is not ready while it stops, or while the database cannot be
 * used. No check sends a request to Kitsu's API server: a probe must not wait for that server, and the server's failure must
 * not take this service out of use.
 */
final class Health {

    private Health() {
    }

    /** The startup check: up if the database has all schema migrations of this version. */
    @Startup
    @Singleton
    static class Migrated implements HealthCheck {

        private final Flyway flyway;
        private volatile HealthCheckResponse done;

        Migrated(Flyway flyway) {
            this.flyway = flyway;
        }

        @Override
        public HealthCheckResponse call() {
            try {
                return done != null ? done : look();
            } catch (FlywayException e) {
                return HealthCheckResponse.named("Database schema").down().withData("why", "Its version cannot be read.")
                        .build();
            }
        }

        private HealthCheckResponse look() {
            MigrationInfo[] pending = flyway.info().pending();
            if (pending.length > 0) {
                return HealthCheckResponse.named("Database schema").down()
                        .withData("pending", String.join(", ", Arrays.stream(pending).map(MigrationInfo::getScript).toList()))
                        .build();
            }
            done = HealthCheckResponse.named("Database schema").up()
                    .withData("version", flyway.info().current().getVersion().getVersion()).build();
            return done;
        }
    }

    /** The readiness of the database: up if it accepts writes and answers within 4 s, which allows for slowness under load. */
    @Readiness
    @Singleton
    static class Database implements AsyncHealthCheck {

        private static final Duration PATIENCE = Duration.ofSeconds(4);

        private final AgroalDataSource database;
        private final DatabaseHealth health;
        private final Notifications notifications;
        /**
         * The running or last query of the database. Probes share it, so that they do not use up the pool's connections while
         * the database hangs.
         */
        private CompletableFuture<Optional<String>> question = CompletableFuture.completedFuture(Optional.empty());

        Database(AgroalDataSource database, DatabaseHealth health, Notifications notifications) {
            this.database = database;
            this.health = health;
            this.notifications = notifications;
        }

        @Override
        public Uni<HealthCheckResponse> call() {
            return Uni.createFrom().completionStage(this::ask).ifNoItem().after(PATIENCE)
                    .recoverWithItem(() -> Optional.of("It does not answer within " + PATIENCE.toSeconds() + " s."))
                    .map(trouble -> trouble
                            .map(why -> HealthCheckResponse.named("Database").down().withData("why", why).build())
                            .orElseGet(this::up));
        }

        private HealthCheckResponse up() {
            HealthCheckResponseBuilder up = HealthCheckResponse.named("Database").up();
            return notifications.isDeaf()
                    ? up.withData("state", "degraded").withData("why", "Its notifications do not arrive.").build()
                    : up.withData("state", "fine").build();
        }

        private synchronized CompletionStage<Optional<String>> ask() {
            if (question.isDone()) {
                question = CompletableFuture.supplyAsync(this::trouble, Infrastructure.getDefaultWorkerPool());
            }
            // Each probe gets its own future: a probe that times out cancels its future and must not cancel the shared query.
            return question.thenApply(Function.identity());
        }

        private Optional<String> trouble() {
            try (Connection connection = database.getConnection()) {
                return !connection.isValid((int) PATIENCE.toSeconds()) ? Optional.of("It does not answer.")
                        : readOnly(connection) ? Optional.of("It is read-only.") : health.refusesWrites();
            } catch (SQLException e) {
                health.failed(e);
                return Optional.of(String.valueOf(e.getMessage()));
            }
        }

        private static boolean readOnly(Connection connection) throws SQLException {
            try (Statement statement = connection.createStatement();
                    ResultSet found = statement.executeQuery("SELECT current_setting('transaction_read_only')::boolean")) {
                return found.next() && found.getBoolean(1);
            }
        }
    }

    /**
     * The readiness of Kitsu: degraded if Kitsu's API server gave no usable answer to the last request, but never down. Until
     * it answers, callers that are not cached are refused, and presses cannot look up targets. Cached callers, lists and
     * pending deliveries still work.
     */
    @Readiness
    @Singleton
    static class Kitsu implements HealthCheck {

        private final Zou zou;

        Kitsu(Zou zou) {
            this.zou = zou;
        }

        @Override
        public HealthCheckResponse call() {
            if (!zou.there()) {
                return HealthCheckResponse.named("Kitsu").up().withData("state", "none").build();
            }
            return zou.trouble().map(why -> HealthCheckResponse.named("Kitsu").up().withData("state", "degraded")
                    .withData("why", why))
                    .orElseGet(() -> HealthCheckResponse.named("Kitsu").up().withData("state", "fine")).build();
        }
    }
}
