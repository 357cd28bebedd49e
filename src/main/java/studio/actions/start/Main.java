package studio.actions.start;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;

import org.eclipse.microprofile.config.Config;
import org.eclipse.microprofile.config.ConfigProvider;
import org.jboss.logging.Logger;

import io.quarkus.runtime.ImageMode;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;
import io.quarkus.runtime.util.ExceptionUtil;
import io.smallrye.config.SmallRyeConfigBuilder;
import studio.actions.database.DatabaseUrl;
import studio.actions.identity.ForwardedHeaders;

/** The entry point: starts the service on the configured database. If the start fails, prints lines that say what to do. */
@QuarkusMain
public class Main {

    private static final String JSON_LOG = "quarkus.log.console.json.enabled";
    private static final String TRACES_OFF = "quarkus.otel.sdk.disabled";
    /** The ordinal of application.properties as a source of settings. The operator's sources have higher ordinals. */
    private static final int OWN_ORDINAL = 250;

    public static void main(String... args) {
        run(null, args);
    }

    /** @param dataFolder the folder of the embedded database; null if the operator runs the database */
    static void run(Path dataFolder, String... args) {
        refuseBadSettings(args);
        Config config = given();
        setUnlessSaid(config, JSON_LOG, !atTerminal());
        setUnlessSaid(config, TRACES_OFF, config.getOptionalValue("custom-actions.tracing.endpoint", String.class).isEmpty());
        if (CheckMode.asked(args)) {
            CheckMode.goOffline(config);
        }
        Quarkus.run(null, (code, failure) -> exit(code, failure, dataFolder), args);
    }

    static void refuseBadSettings(String... args) {
        List<String> refused = new ArrayList<>(CheckMode.refused(args));
        try {
            refused.addAll(Settings.refused(System.getenv().keySet(), given()));
        } catch (IllegalArgumentException | NoSuchElementException e) {
            refused.add("A setting cannot be read: " + Settings.shown(e.getMessage()));
        }
        if (!refused.isEmpty()) {
            stop(refused);
        }
        DatabaseUrl.apply(given());
        ForwardedHeaders.replaceQuarkus(given());
    }

    /**
     * Returns the configuration of this start. In a native image, {@code ConfigProvider} still holds the values of the machine
     * on which the image was built, because Quarkus has not started yet.
     */
    private static Config given() {
        return ImageMode.current() == ImageMode.NATIVE_RUN
                ? new SmallRyeConfigBuilder().addDefaultInterceptors().addSystemSources().build()
                : ConfigProvider.getConfig();
    }

    private static void setUnlessSaid(Config config, String key, boolean value) {
        if (config.getConfigValue(key).getSourceOrdinal() <= OWN_ORDINAL) {
            System.setProperty(key, Boolean.toString(value));
        }
    }

    /**
     * Returns true if the standard output is a terminal. {@code System.console()} is less exact: it is also null if just the
     * input is no terminal, and from Java 22 on it is never null.
     */
    private static boolean atTerminal() {
        Path output = Path.of("/proc/self/fd/1");
        try {
            return Files.isSymbolicLink(output) ? Files.readSymbolicLink(output).toString().matches("/dev/(pts/|tty|console).*")
                    : System.console() != null;
        } catch (IOException e) {
            return false;
        }
    }

    private static void exit(int code, Throwable failure, Path dataFolder) {
        if (failure == null) {
            System.exit(code);
        }
        Throwable cause = ExceptionUtil.getRootCause(failure);
        if (cause instanceof CheckMode.Passed) {
            System.out.println(cause.getMessage());
            System.exit(0);
        }
        Logger.getLogger(Main.class).debug("The service could not start", failure);
        stop(new StartFailure(failure, ConfigProvider.getConfig(), dataFolder).lines());
    }

    static void stop(List<String> lines) {
        System.err.println("Kitsu Actions cannot start:");
        lines.forEach(line -> System.err.println("  " + line));
        System.exit(1);
    }
}
