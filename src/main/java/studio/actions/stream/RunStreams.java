package studio.actions.stream;

import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

import jakarta.enterprise.event.Observes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.NotAcceptableException;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.WebApplicationException;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Request;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.core.Variant;

import org.jboss.resteasy.reactive.RestMulti;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.scheduler.Scheduled;
import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.impl.ConnectionBase;
import studio.actions.database.DatabaseHealth;
import studio.actions.identity.Requester;
import studio.actions.problem.ProblemException;
import studio.actions.run.Attempt;
import studio.actions.run.Delivery;
import studio.actions.run.DeliveryStore;
import studio.actions.run.Run;
import studio.actions.run.RunAccess;
import studio.actions.run.RunEvents;
import studio.actions.run.RunJson;

/**
 * The endpoint that streams the events of runs as server-sent events. Streams of one run share a {@link RunFeed}, so that an
 * idle stream does not query the database. A stream gets its next part of events when the client has taken the previous part.
 * A client that does not read is disconnected and can resume with the header {@code Last-Event-ID}.
 */
@Path("/api/custom-actions/runs")
public class RunStreams {

    /** The SSE id of the last event of a stream. */
    private static final String END = "end";

    /** The pause between two SSE comments; below the 60 s after which nginx closes a silent stream. */
    private static final Duration KEEP_ALIVE = Duration.ofSeconds(20);

    /**
     * The most bytes of events that are sent to a client at once; a single larger event is sent alone. The bytes stay in memory
     * until the client has read them.
     */
    private static final int PART_BYTES = 32 * 1024;

    private static final int PART_EVENTS = 100;

    /**
     * The most bytes that all clients together have not read yet. Above this limit, the clients that have not read for the
     * longest time are disconnected.
     */
    private static final long MOST_BYTES = 16L * 1024 * 1024;

    private static final Map<String, List<String>> HEADERS = Map.of(
            HttpHeaders.CONTENT_TYPE, List.of(MediaType.SERVER_SENT_EVENTS),
            HttpHeaders.CACHE_CONTROL, List.of("no-store"),
            // Without this header, nginx holds events back until its buffer is full.
            "X-Accel-Buffering", List.of("no"));

    /** @param whole whether the clients of this feed may see requests to receivers and receivers' answers */
    private record Feed(UUID run, boolean whole) {
    }

    private final ObjectMapper json;
    private final RunEvents events;
    private final RunAccess access;
    private final SecurityIdentity identity;
    private final DatabaseHealth database;
    private final Map<Feed, RunFeed> feeds = new ConcurrentHashMap<>();
    private final Set<Stream> streams = ConcurrentHashMap.newKeySet();
    private final Set<Stream> untaken = new LinkedHashSet<>();
    private long untakenBytes;

    RunStreams(ObjectMapper json, RunEvents events, RunAccess access, SecurityIdentity identity, DatabaseHealth database) {
        this.json = json;
        this.events = events;
        this.access = access;
        this.identity = identity;
        this.database = database;
    }

    @GET
    @Path("/{id}/events")
    @Authenticated
    @Blocking
    public RestMulti<byte[]> watch(@PathParam("id") UUID id, @HeaderParam("Last-Event-ID") String lastEventId,
            @Context Request request, @Context HttpServerRequest http) {
        if (request.selectVariant(Variant.mediaTypes(MediaType.SERVER_SENT_EVENTS_TYPE).build()) == null) {
            throw new NotAcceptableException();
        }
        boolean head = request.getMethod().equals("HEAD");
        int behind = END.equals(lastEventId) ? 0 : event(lastEventId);
        return RestMulti.fromUniResponse(access.of(Requester.of(identity)).emitOn(Infrastructure.getDefaultWorkerPool())
                .map(seen -> QuarkusTransaction.requiringNew()
                        .call(() -> new Feed(id, seen.seesRequests(seen.find(id)))))
                .invoke(feed -> {
                    if (END.equals(lastEventId)) {
                        throw new WebApplicationException(Response.noContent().build());
                    }
                    if (head) {
                        throw new WebApplicationException(Response.ok().type(MediaType.SERVER_SENT_EVENTS).build());
                    }
                }), feed -> Multi.createBy().concatenating().streams(Multi.createFrom().item(RunFeed.COMMENT),
                        follow(feed, behind, http.connection())),
                feed -> HEADERS);
    }

    /**
     * Streams the events whose number is above {@code behind}. Completes after the run's last event or when the service stops.
     */
    private Multi<byte[]> follow(Feed run, int behind, HttpConnection connection) {
        return Multi.createFrom().deferred(() -> {
            Stream stream = new Stream(run, behind, connection);
            return Multi.createBy().repeating()
                    .uni(() -> events.stopping() ? Uni.createFrom().item(RunFeed.Part.empty(behind)) : stream.next())
                    .whilst(part -> !part.last() && !events.stopping())
                    .onTermination().invoke(stream::close);
        }).map(RunFeed.Part::text);
    }

    /** Wakes the streams of a run. If the service stops, ends all streams; their clients can resume at another replica. */
    void wake(@Observes RunEvents.Changed changed) {
        if (events.stopping()) {
            feeds.values().forEach(RunFeed::flush);
        } else if (changed.run() == null) {
            feeds.values().forEach(RunFeed::wake);
        } else {
            for (boolean whole : new boolean[] { true, false }) {
                RunFeed feed = feeds.get(new Feed(changed.run(), whole));
                if (feed != null) {
                    feed.wake();
                }
            }
        }
    }

    /** Sends a comment to every idle client and disconnects each client that has not read for 20 s. */
    @Scheduled(every = "20s")
    void keepAlive() {
        streams.forEach(Stream::keepAlive);
    }

    private static int event(String lastEventId) {
        if (lastEventId == null || lastEventId.isEmpty()) {
            return 0;
        }
        if (!lastEventId.matches("[0-9]{1,9}")) {
            throw ProblemException.parameter("Last-Event-ID", "invalid_value",
                    "'Last-Event-ID' must be the id of an event of this run; leave it out to get all events.");
        }
        return Integer.parseInt(lastEventId);
    }

    private final class Stream {
        private final Feed run;
        private final RunFeed.Watcher watcher;
        private final HttpConnection connection;
        private int bytes;
        private long since;

        Stream(Feed run, int behind, HttpConnection connection) {
            this.run = run;
            this.connection = connection;
            RunFeed.Watcher[] made = new RunFeed.Watcher[1];
            feeds.compute(run, (same, feed) -> {
                RunFeed one = feed != null ? feed
                        : new RunFeed(event -> read(run, event), database, Infrastructure.getDefaultWorkerPool());
                made[0] = one.watch(behind);
                return one;
            });
            watcher = made[0];
            streams.add(this);
        }

        /** Returns the next part. The client has taken the previous part by then, so its bytes no longer count as unread. */
        Uni<RunFeed.Part> next() {
            release();
            return watcher.next().invoke(this::hold);
        }

        private void hold(RunFeed.Part part) {
            List<Stream> slow = new ArrayList<>();
            synchronized (untaken) {
                bytes = part.text().length;
                since = System.nanoTime();
                untaken.add(this);
                untakenBytes += bytes;
                for (Iterator<Stream> eldest = untaken.iterator(); untakenBytes > MOST_BYTES; eldest.remove()) {
                    slow.add(eldest.next());
                    untakenBytes -= slow.get(slow.size() - 1).bytes;
                }
            }
            slow.forEach(Stream::cut);
        }

        private void release() {
            synchronized (untaken) {
                if (untaken.remove(this)) {
                    untakenBytes -= bytes;
                }
            }
        }

        void keepAlive() {
            boolean slow;
            synchronized (untaken) {
                slow = untaken.contains(this) && System.nanoTime() - since > KEEP_ALIVE.toNanos();
            }
            if (slow) {
                release();
                cut();
            } else {
                watcher.keepAlive();
            }
        }

        /** Closes the connection at once; Vert.x would first wait until the client has read everything. */
        private void cut() {
            ((ConnectionBase) connection).channel().close();
        }

        void close() {
            release();
            streams.remove(this);
            feeds.computeIfPresent(run, (same, feed) -> {
                watcher.leave();
                return feed.isUnwatched() ? null : feed;
            });
        }
    }

    private RunFeed.Part read(Feed feed, int behind) {
        return QuarkusTransaction.requiringNew().call(() -> {
            UUID id = feed.run();
            Run run = Run.findById(id);
            if (run == null) {
                return new RunFeed.Part(RunFeed.COMMENT, behind, behind, true, true);
            }
            List<Delivery> outcomes = DeliveryStore.outcomes(id, behind, PART_EVENTS, PART_BYTES);
            boolean ended = run.finishedAt != null;
            int through = outcomes.isEmpty() ? Math.max(behind, run.events) : outcomes.get(outcomes.size() - 1).event;
            boolean last = ended && through >= run.events;
            byte[] text = outcomes.isEmpty() && !last ? RunFeed.COMMENT
                    : text(run, outcomes, feed.whole(), last).getBytes(StandardCharsets.UTF_8);
            return new RunFeed.Part(text, through, run.events, ended, last);
        });
    }

    /**
     * Renders server-sent events (HTML standard, section 9.2.6). The JSON has no line breaks, so each event has one
     * {@code data} line.
     */
    private String text(Run run, List<Delivery> outcomes, boolean whole, boolean last) {
        StringBuilder text = new StringBuilder();
        Map<UUID, List<Attempt>> earlier = DeliveryStore.attempts(outcomes);
        outcomes.forEach(delivery -> append(text.append("id:").append(delivery.event).append('\n'), "delivery",
                RunJson.DeliveryView.of(delivery, earlier.getOrDefault(delivery.id, List.of()), whole)));
        RunJson.Counts counts = RunJson.Counts.of(DeliveryStore.counts(run.id));
        if (!outcomes.isEmpty()) {
            append(text, "progress", new RunJson.Progress(run.state, counts));
        }
        if (last) {
            append(text.append("id:").append(END).append('\n'), END, RunJson.View.of(run, counts));
        }
        return text.toString();
    }

    private void append(StringBuilder text, String name, Object data) {
        try {
            text.append("event:").append(name).append("\ndata:").append(json.writeValueAsString(data)).append("\n\n");
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }
}
