package studio.actions.start;

import java.util.Arrays;
import java.util.List;
import java.util.Map;

import jakarta.annotation.Priority;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.inject.Any;
import jakarta.enterprise.inject.spi.Bean;
import jakarta.enterprise.inject.spi.BeanManager;
import jakarta.inject.Singleton;

import org.eclipse.microprofile.config.Config;

import com.fasterxml.jackson.databind.ObjectMapper;

import io.quarkus.runtime.StartupEvent;
import io.quarkus.runtime.annotations.CommandLineArguments;

/**
 * A start that stops where the work would begin. Settings, CDI, Jackson and REST are up by then, but no other observer of the
 * start has run and no port is open, so the service has asked nobody for anything.
 */
@Singleton
class Check {

    private static final String ARGUMENT = "--check";

    /** Ends a start that was only checked, when everything in it has worked. */
    static final class Passed extends RuntimeException {

        private static final long serialVersionUID = 1L;

        private Passed() {
            super("The configuration is valid; the service can start.");
        }
    }

    /** What Quarkus itself would ask the database or a collector before the first observer runs. */
    private static final Map<String, String> OFFLINE = Map.of(
            "quarkus.datasource.jdbc.pooling-enabled", "false",
            "quarkus.flyway.active", "false",
            "quarkus.hibernate-orm.database.start-offline", "true",
            "quarkus.hibernate-orm.database.version-check.enabled", "false",
            "quarkus.hibernate-orm.schema-management.strategy", "none",
            "quarkus.otel.sdk.disabled", "true");

    /** Returns a line for each argument that the service does not know: a typo must not start it. */
    static List<String> refused(String... args) {
        return Arrays.stream(args).filter(argument -> !argument.equals(ARGUMENT))
                .map(argument -> "The argument " + Settings.shown(argument.replaceFirst("(?s)=.*", "=…"))
                        + " is not known. Allowed: "
                        + ARGUMENT
                        + "." + (argument.startsWith("-D") ? " Properties (-D…) stand before -jar." : ""))
                .toList();
    }

    static boolean asked(String... args) {
        return List.of(args).contains(ARGUMENT);
    }

    /** Keeps Quarkus from the network, whatever else is set. Without a JDBC URL it would leave out what needs a database. */
    static void goOffline(Config config) {
        OFFLINE.forEach(System::setProperty);
        if (config.getOptionalValue(DatabaseUrl.KEY, String.class).isEmpty()) {
            System.setProperty(DatabaseUrl.KEY, "jdbc:postgresql://localhost/");
        }
    }

    /** Makes the beans that a start makes, then ends it. Runs before every other observer, those of Quarkus included. */
    void end(@Observes @Priority(Integer.MIN_VALUE) StartupEvent start, @CommandLineArguments String[] args,
            ObjectMapper mapper, BeanManager beans) {
        if (asked(args)) {
            beans.getBeans(Object.class, Any.Literal.INSTANCE).stream().filter(Check::ours)
                    .forEach(bean -> beans.getReference(bean, Object.class, beans.createCreationalContext(bean)));
            throw new Passed();
        }
    }

    private static boolean ours(Bean<?> bean) {
        return bean.getScope() == Singleton.class && bean.getBeanClass().getName().startsWith("studio.actions.");
    }
}
