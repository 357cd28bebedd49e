package studio.actions.egress;

import java.util.List;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;

import io.quarkus.tls.TlsConfigurationRegistry;
import io.vertx.core.Vertx;

/** Doors out beside the service's own, open for what a test wants to reach. */
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
        return new Egress(vertx, AddressPolicy.of(entries), resolver, tls, limits);
    }
}
