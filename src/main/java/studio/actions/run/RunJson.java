package studio.actions.run;

import java.time.Instant;
import java.time.LocalDate;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.quarkus.runtime.annotations.RegisterForReflection;
import studio.actions.action.Action;
import studio.actions.action.ActionJson;
import studio.actions.egress.FailureKind;
import studio.actions.identity.Role;

/** Runs and previews on the wire. */
public final class RunJson {

    private static final String RUN = """
            {"id": "7a1d0f5e-55b3-4ed9-8d0c-0d6d5c1b2a33", "type": "Run", "action_id": "0d5b1c1e-4a57-4f43-9f5e-4c4b2b6f0f11",
             "action_name": "Sync to ShotGrid", "state": "failed", "created_at": "2026-11-23T17:41:13Z",
             "finished_at": "2026-11-23T17:41:23Z",
             "caller": {"id": "c0affcde-b8fc-4715-83e7-0ea24eb15e0c", "name": "Ada", "email": "supervisor@example.com",
               "role": "supervisor"},
             "counts": {"total": 1, "delivered": 0, "failed": 1, "refused": 0, "lost": 0, "cancelled": 0},
             "deliveries": [{"id": "2f6cf8a4-5b1a-4c92-9a4b-3c1d8a7e6f50", "method": "POST",
               "url": "https://api.studio.com/sync?entity=63f8a332-e209-4f8c-b384-747d5eda4b57", "state": "failed",
               "target": {"entity_id": "63f8a332-e209-4f8c-b384-747d5eda4b57", "entity_type": "shot", "production_id": null,
                 "task_id": null},
               "status": null, "attempts": 1, "duration_ms": 10000, "response": null,
               "failure": {"kind": "timeout", "message": "api.studio.com did not answer within 10000 ms."}}]}""";

    private static final String PAGE = """
            {"data": [{"id": "7a1d0f5e-55b3-4ed9-8d0c-0d6d5c1b2a33", "type": "Run",
               "action_id": "0d5b1c1e-4a57-4f43-9f5e-4c4b2b6f0f11", "action_name": "Sync to ShotGrid", "state": "failed",
               "created_at": "2026-11-23T17:41:13Z", "finished_at": "2026-11-23T17:41:23Z",
               "caller": {"id": "c0affcde-b8fc-4715-83e7-0ea24eb15e0c", "name": "Ada", "email": "supervisor@example.com",
                 "role": "supervisor"},
               "counts": {"total": 1, "delivered": 0, "failed": 1, "refused": 0, "lost": 0, "cancelled": 0}}],
             "next": "MjAyNi0xMS0yM1QxNzo0MToxM1ogN2ExZDBmNWUtNTViMy00ZWQ5LThkMGMtMGQ2ZDVjMWIyYTMz"}""";

    private static final String STATISTICS = """
            {"action_id": "0d5b1c1e-4a57-4f43-9f5e-4c4b2b6f0f11", "since": "2026-11-23", "days": 1, "presses": 3, "openings": 0,
             "replays": 1, "runs": {"total": 4, "succeeded": 3, "partial": 1, "failed": 0, "cancelled": 0},
             "deliveries": {"total": 50, "delivered": 49, "failed": 1, "refused": 0, "lost": 0, "cancelled": 0},
             "success_rate": 0.98, "duration_ms": {"p50": 84, "p95": 412, "p99": 10003}, "failures": {"timeout": 1},
             "last_pressed_at": "2026-11-23T17:41:13Z",
             "by_day": [{"day": "2026-11-23", "presses": 3, "openings": 0, "replays": 1,
               "runs": {"total": 4, "succeeded": 3, "partial": 1, "failed": 0, "cancelled": 0},
               "deliveries": {"total": 50, "delivered": 49, "failed": 1, "refused": 0, "lost": 0, "cancelled": 0},
               "success_rate": 0.98, "failures": {"timeout": 1}}]}""";

    private static final String BODY = """
            {"entitytype": "shot", "originurl": "/productions/42368e00-09e1-4c4e-9a16-0d9891200536/shots",
             "originserver": "kitsu.studio.com", "selection": ["a496f819-a923-4da2-b05d-cf472ab3b2f3"],
             "productionid": "42368e00-09e1-4c4e-9a16-0d9891200536", "userid": "c0affcde-b8fc-4715-83e7-0ea24eb15e0c",
             "useremail": "supervisor@example.com", "personid": "c0affcde-b8fc-4715-83e7-0ea24eb15e0c",
             "personemail": "supervisor@example.com", "projectid": "42368e00-09e1-4c4e-9a16-0d9891200536",
             "currentpath": "/productions/42368e00-09e1-4c4e-9a16-0d9891200536/shots", "currentserver": "kitsu.studio.com",
             "action_id": "0d5b1c1e-4a57-4f43-9f5e-4c4b2b6f0f11", "action_name": "Sync to ShotGrid",
             "run_id": "7a1d0f5e-55b3-4ed9-8d0c-0d6d5c1b2a33", "delivery_id": "2f6cf8a4-5b1a-4c92-9a4b-3c1d8a7e6f50",
             "entity_id": "63f8a332-e209-4f8c-b384-747d5eda4b57", "entity_type": "shot", "entity_name": "SH010",
             "production_id": "42368e00-09e1-4c4e-9a16-0d9891200536", "task_ids": ["a496f819-a923-4da2-b05d-cf472ab3b2f3"],
             "timestamp": "2026-11-23T17:41:13Z"}""";

    private static final String PREVIEW = """
            {"deliveries": [{"method": "POST", "url": null, "headers": {}, "body": null,
              "target": {"entity_id": "63f8a332-e209-4f8c-b384-747d5eda4b57", "entity_type": "shot", "production_id": null,
                "task_id": null},
              "problem": {"code": "missing_variable", "message": "The URL needs {task_id}, which is not known for this target."}}]}""";

    private RunJson() {
    }

    @Schema(name = "Press", description = "What is selected: task ids, or targets; one of the two.",
            additionalProperties = Schema.False.class)
    public record Press(
            @Schema(description = "Task ids.", nullable = true, minItems = 1) List<UUID> selection,
            @Schema(nullable = true, minItems = 1) List<Target> targets) {
    }

    @Schema(name = "DraftPress", description = "An action that is not saved yet, and what would be selected.",
            additionalProperties = Schema.False.class)
    public record DraftPress(
            @Schema(required = true) ActionJson.Draft action,
            @Schema(description = "Task ids.", nullable = true, minItems = 1) List<UUID> selection,
            @Schema(nullable = true, minItems = 1) List<Target> targets) {
    }

    @Schema(name = "Preview", description = "What would be sent, target by target. Nothing is.", examples = PREVIEW)
    public record Preview(List<Would> deliveries) {

        @Schema(name = "PreviewDelivery")
        public record Would(Target target, Action.Method method,
                @Schema(nullable = true) String url,
                @Schema(type = SchemaType.OBJECT, additionalProperties = String.class,
                        description = "Secrets are masked.") Map<String, String> headers,
                @Schema(implementation = Body.class, nullable = true,
                        description = "The ids of run and delivery are made when it is sent.") ObjectNode body,
                @Schema(nullable = true,
                        description = "Why nothing would be sent; null where something would.") Trouble problem) {
        }

        @Schema(name = "PreviewProblem")
        public record Trouble(FailureKind code, String message) {
        }
    }

    @Schema(name = "Run", description = "One press of a button.", examples = RUN)
    public record View(UUID id, @Schema(examples = "Run") String type, UUID actionId, String actionName, Run.State state,
            Person caller, Instant createdAt,
            @Schema(nullable = true) Instant finishedAt,
            Counts counts,
            @Schema(description = "The run whose deliveries this one sends again; left out where it is a press.") @JsonInclude(JsonInclude.Include.NON_NULL) UUID replayOf,
            @Schema(description = "Left out in lists.") @JsonInclude(JsonInclude.Include.NON_NULL) List<DeliveryView> deliveries) {

        /** With its deliveries, as they are on disk. */
        static View of(Run run) {
            List<Delivery> deliveries = Delivery.ofRun(run.id);
            return of(run, deliveries, Attempt.of(deliveries));
        }

        static View of(Run run, List<Delivery> deliveries, Map<UUID, List<Attempt>> earlier) {
            Map<Delivery.State, Long> states = new EnumMap<>(Delivery.State.class);
            deliveries.forEach(delivery -> states.merge(delivery.state, 1L, Long::sum));
            return of(run, Counts.of(states), deliveries.stream()
                    .map(delivery -> DeliveryView.of(delivery, earlier.getOrDefault(delivery.id, List.of()))).toList());
        }

        static View of(Run run, Counts counts, List<DeliveryView> deliveries) {
            return new View(run.id, "Run", run.actionId, run.actionName, run.state,
                    new Person(run.callerId, run.callerName, run.callerEmail, run.callerRole), run.createdAt, run.finishedAt,
                    counts, run.replayOf, deliveries);
        }
    }

    /** What a receiver is sent; {@link Plan} writes it. */
    @Schema(name = "DeliveryBody", description = "The names of both of Kitsu's dialects, and ours. Every key is there.",
            examples = BODY)
    public interface Body {

        @Schema(nullable = true, examples = "shot", description = "As entity_type; else that of the page in Kitsu.")
        String entitytype();

        @Schema(nullable = true, description = "The page in Kitsu, as the browser says.")
        String originurl();

        @Schema(nullable = true, examples = "kitsu.studio.com", description = "Kitsu's host, as the browser says.")
        String originserver();

        @Schema(description = "As task_ids.")
        List<UUID> selection();

        @Schema(nullable = true, description = "As production_id.")
        UUID productionid();

        @Schema(description = "Who pressed, as Kitsu says.")
        UUID userid();

        @Schema(nullable = true, examples = "supervisor@example.com")
        String useremail();

        @Schema(description = "As userid.")
        UUID personid();

        @Schema(nullable = true, examples = "supervisor@example.com")
        String personemail();

        @Schema(nullable = true, description = "As production_id.")
        UUID projectid();

        @Schema(nullable = true, description = "As originurl.")
        String currentpath();

        @Schema(nullable = true, description = "As originserver.")
        String currentserver();

        @Schema(nullable = true, description = "Null in the preview of a draft.")
        UUID actionId();

        @Schema(examples = "Sync to ShotGrid")
        String actionName();

        @Schema(nullable = true, description = "Null in a preview.")
        UUID runId();

        @Schema(nullable = true, description = "Null in a preview.")
        UUID deliveryId();

        @Schema(nullable = true)
        UUID entityId();

        @Schema(nullable = true)
        Target.Kind entityType();

        @Schema(nullable = true, examples = "SH010")
        String entityName();

        @Schema(nullable = true)
        UUID productionId();

        @Schema(description = "The tasks of this delivery.")
        List<UUID> taskIds();

        @Schema(description = "When the button was pressed.")
        Instant timestamp();
    }

    /** What of a run is sent again. */
    @Schema(name = "Only")
    public enum Only {
        failed,
        all
    }

    @Schema(name = "RunProgress", description = "How far a run is.")
    // It stands in no signature, so the native image would not know it.
    @RegisterForReflection
    public record Progress(Run.State state, Counts counts) {
    }

    @Schema(name = "Person")
    public record Person(UUID id, String name, @Schema(nullable = true) String email, Role role) {
    }

    @Schema(name = "RunCounts", description = "Deliveries by how they ended.")
    public record Counts(long total, long delivered, long failed, long refused, long lost, long cancelled) {

        static Counts of(Map<Delivery.State, Long> states) {
            var counts = new EnumMap<Delivery.State, Long>(Delivery.State.class);
            counts.putAll(states);
            return new Counts(counts.values().stream().mapToLong(Long::longValue).sum(),
                    counts.getOrDefault(Delivery.State.delivered, 0L), counts.getOrDefault(Delivery.State.failed, 0L),
                    counts.getOrDefault(Delivery.State.refused, 0L), counts.getOrDefault(Delivery.State.lost, 0L),
                    counts.getOrDefault(Delivery.State.cancelled, 0L));
        }
    }

    @Schema(name = "Delivery", description = "One request of a run.")
    public record DeliveryView(UUID id, Target target, Action.Method method,
            @Schema(nullable = true, description = "Null where the template could not be filled.") String url,
            Delivery.State state,
            @Schema(nullable = true, description = "The receiver's HTTP status.") Integer status,
            int attempts,
            @Schema(nullable = true) Integer durationMs,
            @Schema(nullable = true, description = "Of the last attempt.") Failure failure,
            @Schema(nullable = true, description = "The beginning of the receiver's answer, 8 KB at most.") String response,
            @Schema(description = "When it goes out again; left out where it does not.") @JsonInclude(JsonInclude.Include.NON_NULL) Instant nextAttemptAt,
            @Schema(description = "Attempts that others followed; left out where there was none.") @JsonInclude(JsonInclude.Include.NON_EMPTY) List<EarlierAttempt> earlierAttempts) {

        static DeliveryView of(Delivery d, List<Attempt> earlier) {
            boolean again = d.state == Delivery.State.pending && d.attempts > 0;
            return new DeliveryView(d.id, d.target(), d.method, d.url, d.state, d.status, d.attempts, d.durationMs,
                    d.failureKind == null ? null : new Failure(d.failureKind, d.failureMessage), d.response,
                    again ? d.dueAt : null, earlier.stream().map(EarlierAttempt::of).toList());
        }
    }

    @Schema(name = "EarlierAttempt")
    public record EarlierAttempt(int number, Instant endedAt,
            @Schema(nullable = true) Integer status,
            @Schema(nullable = true) Integer durationMs,
            Failure failure) {

        static EarlierAttempt of(Attempt attempt) {
            return new EarlierAttempt(attempt.number, attempt.endedAt, attempt.status, attempt.durationMs,
                    new Failure(attempt.failureKind, attempt.failureMessage));
        }
    }

    @Schema(name = "Failure")
    public record Failure(FailureKind kind, String message) {
    }

    @Schema(name = "RunPage", examples = PAGE)
    public record Page(List<View> data,
            @Schema(nullable = true, description = "The cursor of the next page; null on the last one.") String next) {
    }

    @Schema(name = "Statistics", description = "What came of presses, by the day (UTC) on which they were. Runs and deliveries "
            + "count a moment after their run has ended.", examples = STATISTICS)
    public record Statistics(@Schema(nullable = true, description = "Null: all actions.") UUID actionId,
            @Schema(description = "The first day.") LocalDate since,
            @Schema(description = "How many days, today included.") int days,
            @Schema(description = "Runs and openings; replays are none.") long presses,
            @Schema(description = "Presses that the browser opened.") long openings, long replays,
            @Schema(description = "Replays included.") Runs runs, Counts deliveries,
            @Schema(nullable = true, examples = "0.98",
                    description = "Delivered, of all deliveries that were not cancelled.") Double successRate,
            @Schema(nullable = true) Durations durationMs,
            @Schema(type = SchemaType.OBJECT, additionalProperties = Long.class,
                    description = "Deliveries that were neither delivered nor cancelled, by kind.") Map<FailureKind, Long> failures,
            @Schema(nullable = true, description = "The last press of those days.") Instant lastPressedAt,
            @Schema(description = "Every day, the oldest first.") List<Day> byDay) {

        @Schema(name = "StatisticsRuns")
        public record Runs(long total, long succeeded, long partial, long failed, long cancelled) {

            static Runs of(Map<Run.State, Long> states) {
                return new Runs(states.values().stream().mapToLong(Long::longValue).sum(),
                        states.getOrDefault(Run.State.succeeded, 0L), states.getOrDefault(Run.State.partial, 0L),
                        states.getOrDefault(Run.State.failed, 0L), states.getOrDefault(Run.State.cancelled, 0L));
            }
        }

        @Schema(name = "StatisticsDurations", description = "Milliseconds that last attempts took, within 3.2 %.")
        public record Durations(int p50, int p95, int p99) {
        }

        @Schema(name = "StatisticsDay")
        public record Day(LocalDate day, long presses, long openings, long replays, Runs runs, Counts deliveries,
                @Schema(nullable = true) Double successRate,
                @Schema(type = SchemaType.OBJECT, additionalProperties = Long.class) Map<FailureKind, Long> failures) {
        }
    }
}
