package studio.actions.egress;

import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.NoSuchElementException;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;

import io.quarkus.tls.TlsConfigurationRegistry;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import studio.actions.address.AddressPolicy;
import studio.actions.settings.EgressConfig;

/** Creates {@link Egress} instances beside the service's own, with the allow list that a test needs. */
@Singleton
class Doors {

    @Inject
    Vertx vertx;

    @Inject
    TlsConfigurationRegistry tls;

    @Inject
    NameResolver names;

    @Inject
    EgressConfig config;

    Egress allowing(List<String> entries) {
        return of(entries, names, config);
    }

    Egress of(List<String> entries, NameResolver resolver, EgressConfig limits) {
        return new Egress(vertx, AddressPolicy.of(entries), resolver, tls, Clock.systemUTC(), limits);
    }

    /** Sends a request as soon as a slot at its host is free. */
    static Uni<Reply> send(Egress egress, Outbound request) {
        return slot(egress, request.url()).chain(slot -> egress.send(slot, request));
    }

    /** Takes a slot at the URL's host as soon as one is free. */
    static Uni<Egress.Slot> slot(Egress egress, String url) {
        return Uni.createFrom().item(() -> egress.trySlot(url).orElseThrow()).onFailure(NoSuchElementException.class).retry()
                .withBackOff(Duration.ofMillis(1), Duration.ofMillis(2)).indefinitely();
    }
}
