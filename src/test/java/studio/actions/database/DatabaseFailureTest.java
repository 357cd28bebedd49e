package studio.actions.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.SocketTimeoutException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import java.util.stream.Stream;

import javax.sql.DataSource;
import javax.transaction.xa.XAException;

import jakarta.inject.Inject;

import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Wire;

/** Every failure of the database is answered with 503, which clients and nginx can handle. */
@Tag("survival")
@QuarkusTest
@WithTestResource(DatabaseFailureTest.OverAWire.class)
class DatabaseFailureTest {

    /** The service beside Kitsu, with few database connections and short timeouts. */
    public static class OverAWire extends BesideKitsu {

        private final Wire wire = new Wire();

        @Override
        public Map<String, String> start() {
            Map<String, String> settings = new HashMap<>(super.start());
            settings.computeIfPresent("quarkus.datasource.jdbc.url", (key, url) -> wire.reroute(url));
            settings.put("quarkus.datasource.jdbc.additional-jdbc-properties.socketTimeout", "3");
            settings.put("quarkus.datasource.jdbc.acquisition-timeout", "2s");
            settings.put("quarkus.datasource.jdbc.max-size", "8");
            return settings;
        }

        @Override
        public void inject(TestInjector injector) {
            injector.injectIntoFields(wire, field -> field.getType() == Wire.class);
        }

        @Override
        public void stop() {
            super.stop();
            wire.close();
        }
    }

    Wire wire;

    @Inject
    DataSource database;

    @ConfigProperty(name = "quarkus.datasource.jdbc.max-size")
    int connections;

    private final FakeZou zou = FakeZou.shared();
    private final String admin = zou.login("admin");
    private String action;

    @BeforeEach
    void createAction() {
        action = BesideKitsu.ajax(Receiver.shared().url("/" + UUID.randomUUID() + "/ok"));
    }

    @Test
    void hangingDatabaseIsUnavailable() {
        assertWorks();
        dropCachedList();
        wire.hold();
        try {
            assertUnavailable();
        } finally {
            wire.release();
        }
        await().atMost(Duration.ofSeconds(30)).ignoreExceptionsMatching(AssertionError.class::isInstance)
                .untilAsserted(this::assertWorks);
    }

    @Test
    void exhaustedPoolIsUnavailable() throws SQLException {
        assertWorks();
        dropCachedList();
        List<Connection> held = new ArrayList<>();
        try {
            // The service may have returned a connection since the last try, so takes all again.
            await().atMost(Duration.ofSeconds(40)).ignoreExceptionsMatching(AssertionError.class::isInstance)
                    .untilAsserted(() -> {
                        holdAll(held);
                        assertUnavailable();
                    });
        } finally {
            for (Connection connection : held) {
                connection.close();
            }
        }
        assertWorks();
    }

    /** A saved action drops the cached list, which could answer for the user context without the database. */
    private void dropCachedList() {
        createAction();
    }

    private void holdAll(List<Connection> held) {
        try {
            while (held.size() < connections) {
                held.add(database.getConnection());
            }
        } catch (SQLException exhausted) {
            // Fewer connections than the maximum are free, since the service listens for notifications on one.
        }
    }

    private void assertWorks() {
        requests().forEach(answer -> assertThat(answer.join().statusCode()).as(answer.join().asString()).isIn(200, 201));
    }

    private void assertUnavailable() {
        List<CompletableFuture<Response>> answers = requests();
        answers.forEach(answer -> {
            Response refusal = answer.join();
            assertThat(refusal.statusCode()).as(refusal.asString()).isEqualTo(503);
            assertThat(Json.of(refusal).getString("code")).isEqualTo("unavailable");
            assertThat(Json.of(refusal).getString("detail")).startsWith("The database does not answer.");
            assertThat(refusal.header("Retry-After")).matches("[1-9]\\d*");
        });
    }

    private List<CompletableFuture<Response>> requests() {
        return List.of(
                later(() -> BesideKitsu.with(admin).get(Api.RUNS)),
                later(() -> BesideKitsu.with(admin).get(Api.ACTIONS + "/" + action)),
                later(() -> BesideKitsu.with(admin).get("/api/data/user/context")),
                later(() -> BesideKitsu.with(admin).body(BesideKitsu.draft()).post(Api.ACTIONS)),
                later(() -> BesideKitsu.with(admin)
                        .body(Map.of("selection", List.of(zou.recordedShot().id())))
                        .post(Api.ACTIONS + "/" + action + "/run")));
    }

    private static CompletableFuture<Response> later(Supplier<Response> request) {
        return CompletableFuture.supplyAsync(request);
    }

    // ---- Classification of exceptions

    static Stream<Throwable> databases() {
        return Stream.of(
                new SQLException("Sorry, acquisition timeout!"),
                new IllegalStateException(new SQLException("An I/O error occurred while sending to the backend.", "08006",
                        new SocketTimeoutException("Read timed out"))),
                suppressing(new IllegalStateException("rolled back"), new XAException(XAException.XAER_RMFAIL)));
    }

    @ParameterizedTest
    @CsvSource({ "08001, true", "08006, true", "0A000, true", "25006, true", "25P02, false", "25P03, true", "28P01, true",
            "3D000, true", "40001, true", "40P01, true", "53300, true", "55P03, true", "57014, true", "57P01, true",
            "57P03, true", "58030, true", "XX000, true", ", true", "21000, false", "22001, false", "23505, false",
            "42601, false", "42P01, false", "42501, true", "53400, true" })
    void recognizesFailuresBySqlState(String state, boolean failure) {
        assertThat(DatabaseFailure.isIn(new IllegalStateException(new SQLException("Read timed out", state))))
                .isEqualTo(failure);
    }

    @ParameterizedTest
    @CsvSource({ "25006, The database is read-only.", "42501, The database does not allow the service to write.",
            "53100, The database's disk is full.", "53400, The database has reached one of its limits." })
    void namesWhyTheDatabaseRefusesWrites(String state, String sentence) {
        DatabaseHealth health = new DatabaseHealth();

        assertThat(health.failed(new IllegalStateException(new SQLException("no", state)))).isTrue();

        assertThat(health.refusesWrites()).contains(sentence);
    }

    @Test
    void recognizesFailuresByType() {
        assertThat(databases()).allMatch(DatabaseFailure::isIn);
        assertThat(DatabaseFailure.isIn(new IllegalStateException("Read timed out, Acquisition timeout, 08006"))).isFalse();
    }

    private static Throwable suppressing(Throwable thrown, Throwable hidden) {
        thrown.addSuppressed(hidden);
        return thrown;
    }
}
