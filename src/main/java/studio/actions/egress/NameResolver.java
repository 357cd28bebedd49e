package studio.actions.egress;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import studio.actions.address.AddressPolicy;
import studio.actions.settings.EgressConfig;
import studio.actions.thread.Threads;

/**
 * A resolver of host names that asks the operating system, which uses its hosts file and search domains. It has its own
 * threads, because a lookup blocks and cannot be cancelled: a slow DNS server must not block the service's worker threads. Java
 * may answer from its cache, which keeps an answer for 30 seconds.
 */
@Singleton
public class NameResolver {

    /**
     * Many threads, because a lookup without an answer occupies its thread until the operating system gives up: 10 to 30
     * seconds.
     */
    private static final int THREADS = 128;

    /** A replaceable {@link InetAddress#getAllByName}, for tests. */
    interface Lookup {
        InetAddress[] all(String name) throws UnknownHostException;
    }

    /**
     * The lookup of one name. {@code wanted} is the {@link System#nanoTime} of the last call of {@link #resolve} for this name.
     */
    private static final class Question {
        private final Promise<List<InetAddress>> answer = Promise.promise();
        private final AtomicBoolean begun = new AtomicBoolean();
        private long wanted;
    }

    private final Lookup system;
    private final long patience;
    private final ThreadPoolExecutor threads;

    /** Unfinished lookups by name. All calls of {@link #resolve} for a name share one lookup, which occupies one thread. */
    private final Map<String, Question> asked = new ConcurrentHashMap<>();

    @Inject
    NameResolver(EgressConfig config) {
        this(config, InetAddress::getAllByName);
    }

    NameResolver(EgressConfig config, Lookup system) {
        this.system = system;
        this.patience = config.dnsTimeout().toNanos();
        this.threads = new ThreadPoolExecutor(THREADS, THREADS, 30, TimeUnit.SECONDS, new LinkedBlockingQueue<>(),
                Threads.daemons("egress-dns"));
        threads.allowCoreThreadTimeOut(true);
    }

    /**
     * Resolves a host name to all its addresses; to an empty list if it has none. Concurrent calls for a name share one lookup.
     * The caller must limit its waiting time.
     */
    public Future<List<InetAddress>> resolve(String name) {
        String key = name.toLowerCase(Locale.ROOT);
        Question question = asked.compute(key, (same, open) -> {
            Question one = open == null ? new Question() : open;
            one.wanted = System.nanoTime();
            return one;
        });
        if (question.begun.compareAndSet(false, true)) {
            try {
                threads.execute(() -> ask(name, key, question));
            } catch (RejectedExecutionException | Error e) {
                // An Error is thrown, for instance, if there is no memory for a new thread.
                asked.remove(key);
                question.answer.fail(e);
            }
        }
        return question.answer.future();
    }

    /**
     * Looks a name up, unless even its last caller must have given up waiting. Always completes the question: otherwise all
     * later calls of {@link #resolve} for the name would wait forever.
     */
    private void ask(String name, String key, Question question) {
        List<InetAddress> found = List.of();
        try {
            if (asked.computeIfPresent(key, (same, open) -> System.nanoTime() - open.wanted > patience ? null : open) != null) {
                found = List.of(system.all(name));
            }
        } catch (UnknownHostException e) {
            // The name has no address.
        } finally {
            asked.remove(key, question);
            question.answer.complete(found);
        }
    }

    /**
     * Returns the address of a host that is an IPv6 address in brackets or an IPv4 address; empty for a name.
     * {@link AddressPolicy} must have allowed the host. Sends no DNS query.
     */
    static Optional<InetAddress> literal(String host) {
        if (!host.startsWith("[") && host.chars().anyMatch(c -> c != '.' && (c < '0' || c > '9')) || host.isEmpty()) {
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
        threads.shutdownNow();
    }
}
