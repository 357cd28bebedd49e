package studio.actions.start;

import java.io.IOException;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.random.RandomGenerator;

import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;

import org.eclipse.microprofile.config.Config;
import org.hibernate.boot.model.naming.PhysicalNamingStrategySnakeCaseImpl;
import org.jboss.logging.Logger;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;

import io.quarkus.runtime.ApplicationConfig;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.quarkus.vertx.http.HttpServer;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.core.http.HttpClosedException;
import studio.actions.action.ActionHistory;
import studio.actions.action.ActionResource;
import studio.actions.address.AddressPolicy;
import studio.actions.audit.AuditResource;
import studio.actions.identity.ZouConfig;
import studio.actions.kitsu.CustomActionsResource;
import studio.actions.kitsu.KitsuImport;
import studio.actions.kitsu.RefusedForms;
import studio.actions.kitsu.UserContextResource;
import studio.actions.page.ActionsScreen;
import studio.actions.page.Assets;
import studio.actions.page.AuditScreen;
import studio.actions.page.EditorScreen;
import studio.actions.page.InKitsu;
import studio.actions.page.RunScreen;
import studio.actions.page.RunsScreen;
import studio.actions.page.SignIn;
import studio.actions.page.StatusScreen;
import studio.actions.page.WhyScreen;
import studio.actions.press.PressResource;
import studio.actions.press.PreviewResource;
import studio.actions.press.ReplayResource;
import studio.actions.run.RunResource;
import studio.actions.secret.SigningConfig;
import studio.actions.settings.EgressConfig;
import studio.actions.statistics.StatisticsResource;
import studio.actions.stream.RunStreams;
import studio.actions.transfer.TransferResource;

/**
 * Producers of beans: the clock and the source of random numbers, so that a test can replace them, and the policy for addresses
 * of receivers. Also registers classes for reflection, which the native image needs: the classes that application.properties
 * names, and the resources whose annotations UnknownParameters and Problems read.
 */
@RegisterForReflection(targets = { SnakeCaseStrategy.class, PhysicalNamingStrategySnakeCaseImpl.class, ActionResource.class,
        ActionHistory.class, TransferResource.class, ApiDocument.class, AuditResource.class, Echo.class, PressResource.class,
        PreviewResource.class, ReplayResource.class,
        RunResource.class, RunStreams.class, StatisticsResource.class, CustomActionsResource.class, RefusedForms.class,
        KitsuImport.class,
        UserContextResource.class, ActionsScreen.class, Assets.class, AuditScreen.class, EditorScreen.class, InKitsu.class,
        RunScreen.class, RunsScreen.class, SignIn.class, StatusScreen.class, WhyScreen.class })
class Wiring {

    @Produces
    @Singleton
    Clock clock() {
        return Clock.systemUTC();
    }

    @Produces
    @Singleton
    RandomGenerator random() {
        return new SecureRandom();
    }

    @Produces
    @Singleton
    StatusScreen.About about(ApplicationConfig application, Config config, SigningConfig signing) {
        return new StatusScreen.About(application.version().orElse("unknown"), Settings.effective(config),
                signing.secret().isPresent());
    }

    /**
     * Logs exceptions for which no caller waits any more; Mutiny would drop them. Does not log network failures, which are
     * expected: closing a connection after a time-out makes the request on it fail a second time.
     */
    void listen(@Observes StartupEvent start) {
        Infrastructure.setDroppedExceptionHandler(dropped -> {
            if (!isOfTheNetwork(dropped)) {
                Logger.getLogger("studio.actions").error("An operation failed after its caller had gone; logging it.", dropped);
            }
        });
    }

    private static boolean isOfTheNetwork(Throwable failure) {
        return failure instanceof HttpClosedException || failure instanceof IOException || failure instanceof TimeoutException
                || failure.getCause() != null && isOfTheNetwork(failure.getCause());
    }

    /**
     * Returns the policy for addresses of receivers. If no Kitsu is configured, also allows exactly the address and port of the
     * practice receiver ({@link Echo}). The bean is not a singleton, so that it is created at its first use: the port is known
     * only when the server listens.
     */
    @Produces
    @ApplicationScoped
    AddressPolicy policy(EgressConfig config, ZouConfig zou, HttpServer server) {
        AddressPolicy policy = AddressPolicy.of(config.allow().orElse(List.of()));
        boolean practice = zou.url().isEmpty() && server.getPort() > 0
                && List.of("0.0.0.0", "localhost", "127.0.0.1").contains(server.getLocalBaseUri().getHost());
        return practice ? policy.and("127.0.0.1:" + server.getPort()) : policy;
    }
}
