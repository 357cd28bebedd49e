package studio.actions.egress;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.WorkerExecutor;

/**
 * Asks the system's resolver, hosts file and search domains included, on threads of its own: the call blocks and cannot be
 * cancelled, so names that hang must not take the service's workers with them.
 */
@Singleton
public class NameResolver {

    private static final int THREADS = 32;

    /** As {@link InetAddress#getAllByName}, which it is. */
    interface Lookup {
        InetAddress[] all(String name) throws UnknownHostException;
    }

    private final Lookup system;
    private final WorkerExecutor threads;

    /** What is being asked right now: a name that hangs takes one thread, however many wait for it. */
    private final Map<String, Future<List<InetAddress>>> asked = new ConcurrentHashMap<>();

    @Inject
    NameResolver(Vertx vertx) {
        this(vertx, InetAddress::getAllByName);
    }

    NameResolver(Vertx vertx, Lookup system) {
        this.system = system;
        this.threads = vertx.createSharedWorkerExecutor("egress-dns", THREADS);
    }

    /** Every address of the name, asked for once; fails where there is none. Has no time limit. */
    public Future<List<InetAddress>> resolve(String name) {
        String key = name.toLowerCase(Locale.ROOT);
        Promise<List<InetAddress>> promise = Promise.promise();
        Future<List<InetAddress>> others = asked.putIfAbsent(key, promise.future());
        if (others != null) {
            return others;
        }
        threads.executeBlocking(() -> List.of(system.all(name)), false).onComplete(found -> {
            asked.remove(key);
            promise.handle(found);
        });
        return promise.future();
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
