package studio.actions.start;

import java.util.Arrays;

import jakarta.inject.Singleton;

import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;
import org.eclipse.microprofile.health.Startup;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.MigrationInfo;

import studio.actions.zou.Zou;

/**
 * What probes are told, beside what Quarkus itself says: not ready while it stops, or while the database gives no connection.
 * No check asks Kitsu's API server: a probe must not hang on it, nor take the service out of use with it.
 */
final class Health {

    private Health() {
    }

    /** Started: all migrations that this version has are in the database. */
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
            return done != null ? done : look();
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

    /**
     * Degraded, never down: without Kitsu's API server nobody new is let in and nothing is looked up, but lists, what is owed
     * and whoever is known already go on.
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
