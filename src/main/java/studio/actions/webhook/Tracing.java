package studio.actions.webhook;

import java.util.random.RandomGenerator;

import jakarta.inject.Singleton;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import studio.actions.egress.Reply;
import studio.actions.run.Delivery;
import studio.actions.run.Run;

/**
 * Distributed traces of runs (W3C Trace Context, level 1). One trace leads from the HTTP request of the press to all
 * receivers, even if other replicas send the deliveries. With tracing off, a receiver still gets a trace id that is the same
 * for the whole run.
 */
@Singleton
public class Tracing {

    static final String HEADER = "traceparent";

    private final Tracer tracer;
    private final RandomGenerator random;

    Tracing(Tracer tracer, RandomGenerator random) {
        this.tracer = tracer;
        this.random = random;
    }

    /** Returns the {@code traceparent} of the current request; null if the request is not traced. */
    public static String current() {
        SpanContext span = Span.current().getSpanContext();
        return span.isSampled() ? written(span) : null;
    }

    /**
     * Starts the span of an attempt, in the trace of the press. The span contains the receiver's host but no other part of the
     * URL. If the press was not traced, the span is invalid and records nothing.
     */
    public Span attempt(Run run, Delivery delivery) {
        return run.traceparent == null ? Span.getInvalid() : attempt(run, delivery, run.traceparent);
    }

    private Span attempt(Run run, Delivery delivery, String pressed) {
        return tracer.spanBuilder("deliver").setSpanKind(SpanKind.CLIENT)
                .setParent(Context.root().with(Span.wrap(read(pressed))))
                .setAttribute("http.request.method", delivery.method.name())
                .setAttribute("server.address", delivery.host)
                .setAttribute("kitsu_actions.action", run.actionId.toString())
                .setAttribute("kitsu_actions.run", run.id.toString())
                .setAttribute("kitsu_actions.delivery", delivery.id.toString())
                .setAttribute("kitsu_actions.attempt", delivery.attempts)
                .startSpan();
    }

    public static void end(Span attempt, Reply reply) {
        if (reply instanceof Reply.Delivered delivered) {
            attempt.setAttribute("http.response.status_code", delivered.status());
        } else if (reply instanceof Reply.Failed failed) {
            if (failed.status() != null) {
                attempt.setAttribute("http.response.status_code", failed.status());
            }
            attempt.setAttribute("error.type", failed.kind().name()).setStatus(StatusCode.ERROR);
        } else if (reply instanceof Reply.Refused refused) {
            attempt.setAttribute("error.type", refused.kind().name()).setStatus(StatusCode.ERROR);
        }
        attempt.end();
    }

    /** Returns the value of the header {@code traceparent} in the request to the receiver. */
    public String traceparent(Run run, Span attempt) {
        return attempt.getSpanContext().isValid() ? written(attempt.getSpanContext())
                : "00-" + run.id.toString().replace("-", "") + "-" + String.format("%016x", random.nextLong(1, Long.MAX_VALUE))
                        + "-00";
    }

    private static String written(SpanContext span) {
        return "00-" + span.getTraceId() + "-" + span.getSpanId() + "-" + span.getTraceFlags().asHex();
    }

    private static SpanContext read(String traceparent) {
        String[] parts = traceparent.split("-");
        return SpanContext.createFromRemoteParent(parts[1], parts[2], TraceFlags.fromHex(parts[3], 0), TraceState.getDefault());
    }
}
