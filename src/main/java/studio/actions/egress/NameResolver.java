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

/**
 * Asks the system's resolver, hosts file and search domains included, on threads of its own: the call blocks and cannot be
 * cancelled, so names that hang must not take the service's workers with them. Java may answer from what it was told in the
 * last 30 seconds.
 */
@Singleton
public class NameResolver {

    /** Each name that hangs takes one for as long as the system's resolver tries, some 10 to 30 seconds. */
    private static final int THREADS = 128;

    /** As {@link InetAddress#getAllByName}, which it is. */
    interface Lookup {
        InetAddress[] all(String name) throws UnknownHostException;
    }

    /** What is being asked, and when somebody last wanted to know. */
    private static final class Question {
        private final Promise<List<InetAddress>> answer = Promise.promise();
        private final AtomicBoolean begun = new AtomicBoolean();
        private long wanted;
    }

    private final Lookup system;
    private final long patience;
    private final ThreadPoolExecutor threads;

    /** A name that hangs takes one thread, however many wait for it. */
    private final Map<String, Question> asked = new ConcurrentHashMap<>();

    @Inject
    NameResolver(EgressConfig config) {
        this(config, InetAddress::getAllByName);
    }

    NameResolver(EgressConfig config, Lookup system) {
        this.system = system;
        this.patience = config.egress().dnsTimeout().toNanos();
        this.threads = new ThreadPoolExecutor(THREADS, THREADS, 30, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), work -> {
            Thread thread = new Thread(work, "egress-dns");
            thread.setDaemon(true);
            return thread;
        });
        threads.allowCoreThreadTimeOut(true);
    }

    /** Every address of the name, asked for at most once; none where it has none. Has no time limit. */
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
                // Among them: no memory for one more thread.
                asked.remove(key);
                question.answer.fail(e);
            }
        }
        return question.answer.future();
    }

    /** Whatever happens, the question is closed: a name must not be dead for all who ask later. */
    private void ask(String name, String key, Question question) {
        List<InetAddress> found = List.of();
        try {
            if (asked.computeIfPresent(key, (same, open) -> System.nanoTime() - open.wanted > patience ? null : open) != null) {
                found = List.of(system.all(name));
            }
        } catch (UnknownHostException e) {
            // No address, then.
        } finally {
            asked.remove(key, question);
            question.answer.complete(found);
        }
    }

    /**
     * The address of a host that {@link AddressPolicy} let pass as digits: in brackets or a dotted quad, nothing is looked up.
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
