package studio.actions.run;

import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonUnwrapped;

import io.quarkus.runtime.annotations.RegisterForReflection;
import studio.actions.draft.Method;
import studio.actions.egress.FailureKind;
import studio.actions.identity.Person;

/** The JSON of runs in the API. */
public final class RunJson {

    /** The most deliveries in a page, unless the request sets another limit. */
    static final int SHOWN = 100;

    /** The first page comes after this position. Positions begin at 0. */
    static final int FIRST = -1;

    private RunJson() {
    }

    public record View(UUID id, String type, UUID actionId, String actionName, Run.State state,
            Person caller, Instant createdAt,
            Instant finishedAt,
            Counts counts,
            Refusal refusal,
            @JsonInclude(JsonInclude.Include.NON_NULL) UUID replayOf,
            @JsonUnwrapped Deliveries page) {

        /** Why a press was refused as a whole. */
        public record Refusal(String code, String message) {
        }

        /** Returns a run with its first page of deliveries, read in the open transaction. */
        public static View of(Run run, RunAccess.Access access) {
            return of(run, DeliveryStore.read(run.id, FIRST, null, SHOWN), access);
        }

        /** Returns a run with a page of deliveries. Reads their earlier attempts in the open transaction. */
        static View of(Run run, DeliveryStore.Page page, RunAccess.Access access) {
            return of(run, page,
                    DeliveryStore.attempts(Stream.concat(page.deliveries().stream(), page.failures().stream()).toList()),
                    access);
        }

        private static View of(Run run, DeliveryStore.Page page, Map<UUID, List<Attempt>> earlier, RunAccess.Access access) {
            boolean whole = access.seesRequests(run);
            return of(run, Counts.of(page.counts()), new Deliveries(views(page.deliveries(), earlier, whole),
                    page.next() == null ? null : page.next().toString(), views(page.failures(), earlier, whole)));
        }

        /** Returns a run whose deliveries have had one attempt at most, so that no earlier attempts have to be read. */
        public static View ofNew(Run run, List<Delivery> deliveries, RunAccess.Access access) {
            return of(run, DeliveryStore.Page.first(deliveries, SHOWN), Map.of(), access);
        }

        /** Returns a run without its deliveries, as lists show it. */
        public static View of(Run run, Counts counts) {
            return of(run, counts, null);
        }

        private static View of(Run run, Counts counts, Deliveries page) {
            return new View(run.id, "Run", run.actionId, run.actionName, run.state,
                    new Person(run.callerId, run.callerName, run.callerEmail, run.callerRole), run.createdAt, run.finishedAt,
                    counts, run.refusalCode == null ? null : new Refusal(run.refusalCode, run.refusalMessage), run.replayOf,
                    page);
        }

        private static List<DeliveryView> views(List<Delivery> deliveries, Map<UUID, List<Attempt>> earlier, boolean whole) {
            return deliveries.stream()
                    .map(delivery -> DeliveryView.of(delivery, earlier.getOrDefault(delivery.id, List.of()), whole)).toList();
        }
    }

    /**
     * A page of a run's deliveries.
     *
     * @param next the cursor of the next page; null on the last page
     * @param failures the first failed, lost or refused deliveries of the whole run, not only of this page
     */
    public record Deliveries(List<DeliveryView> deliveries, String next, List<DeliveryView> failures) {
    }

    // No REST method's signature names this type, so the native image would leave it out.
    @RegisterForReflection
    public record Progress(Run.State state, Counts counts) {
    }

    public record Counts(long total, long delivered, long failed, long refused, long lost, long cancelled) {

        public static Counts of(Map<Delivery.State, Long> states) {
            var counts = new EnumMap<Delivery.State, Long>(Delivery.State.class);
            counts.putAll(states);
            return new Counts(counts.values().stream().mapToLong(Long::longValue).sum(),
                    counts.getOrDefault(Delivery.State.delivered, 0L), counts.getOrDefault(Delivery.State.failed, 0L),
                    counts.getOrDefault(Delivery.State.refused, 0L), counts.getOrDefault(Delivery.State.lost, 0L),
                    counts.getOrDefault(Delivery.State.cancelled, 0L));
        }
    }

    /**
     * A delivery as the caller sees it. A caller who may not see requests gets only its id, target, state and failure; the
     * rest is null or empty.
     */
    public record DeliveryView(UUID id, Target target, Method method,
            String url,
            Delivery.State state,
            Integer status,
            Integer attempts,
            Integer durationMs,
            Failure failure,
            String response,
            @JsonInclude(JsonInclude.Include.NON_NULL) Boolean truncated,
            @JsonInclude(JsonInclude.Include.NON_NULL) Instant nextAttemptAt,
            @JsonInclude(JsonInclude.Include.NON_EMPTY) List<EarlierAttempt> earlierAttempts) {

        /** @param whole false to leave out requests and receivers' answers, which the caller may not see */
        public static DeliveryView of(Delivery d, List<Attempt> earlier, boolean whole) {
            if (!whole) {
                return new DeliveryView(d.id, d.target(), null, null, d.state, null, null, null,
                        d.failureKind == null ? null : new Failure(d.failureKind, d.failureMessage), null, null, null,
                        List.of());
            }
            boolean again = d.state == Delivery.State.pending && d.attempts > 0;
            return new DeliveryView(d.id, d.target(), d.method, d.url, d.state, d.status, d.attempts, d.durationMs,
                    d.failureKind == null ? null : new Failure(d.failureKind, d.failureMessage), d.response,
                    d.truncated ? true : null, again ? d.dueAt : null, earlier.stream().map(EarlierAttempt::of).toList());
        }
    }

    public record EarlierAttempt(int number, Instant endedAt,
            Integer status,
            Integer durationMs,
            Failure failure) {

        static EarlierAttempt of(Attempt attempt) {
            return new EarlierAttempt(attempt.number, attempt.endedAt, attempt.status, attempt.durationMs,
                    new Failure(attempt.failureKind, attempt.failureMessage));
        }
    }

    public record Failure(FailureKind kind, String message) {
    }

    public record Page(List<View> data,
            String next) {
    }
}
