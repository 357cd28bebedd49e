package studio.actions.egress;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Optional;

import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.WorkerExecutor;

/**
 * Asks the system's resolver, hosts file and search domains included, on threads of its own: the call blocks and cannot be
 * cancelled, so names that hang must not take the service's workers with them.
 */
@Singleton
public class NameResolver {

    private static final int THREADS = 16;

    private final WorkerExecutor threads;

    NameResolver(Vertx vertx) {
        threads = vertx.createSharedWorkerExecutor("egress-dns", THREADS);
    }

    /** Every address of the name; fails where there is none. */
    public Future<List<InetAddress>> resolve(String name) {
        return threads.executeBlocking(() -> List.of(InetAddress.getAllByName(name)), false);
    }

    /**
     * The address of a host that {@link AddressPolicy} let pass as digits: in brackets or a dotted quad, nothing is looked up.
     */
    static Optional<InetAddress> literal(String host) {
        if (!host.startsWith("[") && !host.matches("[0-9.]+")) {
            return Optional.empty();
        }
        try {
            return Optional.of(InetAddress.getByName(host));
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("no literal: " + host, e);
        }
    }

    @PreDestroy
    void close() {
        threads.close();
    }
}
