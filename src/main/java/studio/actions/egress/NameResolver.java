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
 * A resolver of names that asks the system's resolver, hosts file and search domains included. It has its own threads: the
 * call blocks and cannot be cancelled, so a name that hangs must not block the service's worker threads. Java may answer from
 * its cache, which keeps an answer for 30 seconds.
 */
@Singleton
public class NameResolver {

    /** A name that hangs occupies one thread for as long as the system's resolver tries: some 10 to 30 seconds. */
    private static final int THREADS = 128;

    /** The function {@link InetAddress#getAllByName}, which tests replace. */
    interface Lookup {
        InetAddress[] all(String name) throws UnknownHostException;
    }

    /** The lookup of one name. {@code wanted} is the time at which a request last asked for the name. */
    private static final class Question {
        private final Promise<List<InetAddress>> answer = Promise.promise();
        private final AtomicBoolean begun = new AtomicBoolean();
        private long wanted;
    }

    private final Lookup system;
    private final long patience;
    private final ThreadPoolExecutor threads;

    /** Open lookups by name. A name that hangs occupies one thread, however many requests wait for it. */
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
     * Resolves a name to all its addresses; to an empty list if it has none. Concurrent requests for a name share one lookup.
     * Has no time limit.
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
                // An Error is, for instance, no memory for one more thread.
                asked.remove(key);
                question.answer.fail(e);
            }
        }
        return question.answer.future();
    }

    /** Looks a name up. Always closes the question, because an open one would block all later requests for the name. */
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
     * Returns the address of a host in brackets or of a dotted quad; empty for a name. {@link AddressPolicy} must have allowed
     * the host. Looks nothing up.
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
