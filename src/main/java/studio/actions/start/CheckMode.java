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
import studio.actions.database.DatabaseUrl;

/**
 * The mode {@code --check}: starts the service just far enough to check the settings, then exits. By the exit, CDI, Jackson and
 * REST are up, but no port is open, no other observer of {@link StartupEvent} has run, and no other system has been contacted.
 */
@Singleton
class CheckMode {

    private static final String ARGUMENT = "--check";

    /** Thrown to end a successful start with {@code --check}; the process then exits with 0. */
    static final class Passed extends RuntimeException {

        private static final long serialVersionUID = 1L;

        private Passed() {
            super("The configuration is valid; the service can start.");
        }
    }

    /** Settings that keep Quarkus from contacting the database or a trace collector before the first observer runs. */
    private static final Map<String, String> OFFLINE = Map.of(
            "quarkus.datasource.jdbc.pooling-enabled", "false",
            "quarkus.flyway.active", "false",
            "quarkus.hibernate-orm.database.start-offline", "true",
            "quarkus.hibernate-orm.database.version-check.enabled", "false",
            "quarkus.hibernate-orm.schema-management.strategy", "none",
            "quarkus.otel.sdk.disabled", "true");

    /** Returns an error line for each unknown argument: a mistyped {@code --check} must not start the service. */
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

    /**
     * Keeps Quarkus off the network by settings that override all others. Sets a JDBC URL if there is none, because Quarkus
     * would otherwise not start the parts that need a database, and the check would miss them.
     */
    static void goOffline(Config config) {
        OFFLINE.forEach(System::setProperty);
        if (config.getOptionalValue(DatabaseUrl.KEY, String.class).isEmpty()) {
            System.setProperty(DatabaseUrl.KEY, "jdbc:postgresql://localhost/");
        }
    }

    /** Creates the service's singletons, then ends the start. Runs before every other observer, including Quarkus' own. */
    void end(@Observes @Priority(Integer.MIN_VALUE) StartupEvent start, @CommandLineArguments String[] args,
            ObjectMapper mapper, BeanManager beans) {
        if (asked(args)) {
            beans.getBeans(Object.class, Any.Literal.INSTANCE).stream().filter(CheckMode::ours)
                    .forEach(bean -> beans.getReference(bean, Object.class, beans.createCreationalContext(bean)));
            throw new Passed();
        }
    }

    private static boolean ours(Bean<?> bean) {
        return bean.getScope() == Singleton.class && bean.getBeanClass().getName().startsWith("studio.actions.");
    }
}
