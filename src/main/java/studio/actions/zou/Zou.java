package studio.actions.zou;

import java.io.IOException;
import java.net.URI;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import jakarta.inject.Singleton;
import jakarta.ws.rs.core.Response;

import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.client.api.QuarkusRestClientProperties;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.quarkus.rest.client.reactive.QuarkusRestClientBuilder;
import io.quarkus.tls.TlsConfigurationRegistry;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import studio.actions.identity.Credential;
import studio.actions.identity.ZouConfig;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/**
 * Client of Zou, Kitsu's API server. Sends each request with the caller's own credential. If Zou's answer is late, too long,
 * not JSON or missing, the request fails with 503: this service never guesses the answer.
 */
@Singleton
public class Zou {

    private static final Logger LOG = Logger.getLogger(Zou.class);

    /**
     * The most bytes of an answer, except the user context and complete lists. The longest, about a task with its people, has
     * some 100 KB.
     */
    private static final int LONGEST_ANSWER = 1024 * 1024;
    private static final int LONGEST_CONTEXT = 64 * 1024 * 1024;
    private static final int LONGEST_LIST = 16 * 1024 * 1024;

    private static final Duration[] BUCKETS = Stream.of(10, 25, 50, 100, 250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000)
            .map(Duration::ofMillis).toArray(Duration[]::new);

    /** How a request to Zou ended: the tag {@code outcome} of the metric {@code custom_actions.zou.requests}. */
    private enum Outcome {
        answered,
        denied,
        unknown_token,
        away
    }

    /** The name of the TLS configuration whose trust store has the studio's own certificate authorities. */
    private static final String AUTHORITIES = "egress";

    private final KeyStore authorities;
    private final boolean there;
    private final ZouConfig config;
    private final ObjectMapper json;
    private final ZouFailures failures;
    private final ZouClient client;
    private final ZouClient patient;
    private final Map<Outcome, Timer> timers = new EnumMap<>(Outcome.class);
    private volatile String trouble;

    Zou(ZouConfig config, ObjectMapper json, MeterRegistry meters, TlsConfigurationRegistry tls) {
        this.authorities = tls.get(AUTHORITIES).orElseThrow().getTrustStore();
        this.there = config.url().isPresent();
        this.config = config;
        this.json = json;
        this.failures = new ZouFailures(json);
        this.client = config.url().map(url -> client(url, config.timeout())).orElse(null);
        this.patient = config.url().map(url -> client(url, config.contextTimeout())).orElse(null);
        for (Outcome outcome : Outcome.values()) {
            timers.put(outcome, Timer.builder("custom_actions.zou.requests").tag("outcome", outcome.name())
                    .description("Questions to Kitsu's API server, until the last byte of its answer.")
                    .serviceLevelObjectives(BUCKETS).register(meters));
        }
    }

    private ZouClient client(URI url, Duration timeout) {
        return QuarkusRestClientBuilder.newBuilder().baseUri(url)
                .trustStore(authorities)
                .connectTimeout(config.timeout().dividedBy(2).toMillis(), TimeUnit.MILLISECONDS)
                // Only closes a connection that hangs. The request itself has failed before, at our shorter time limit.
                .readTimeout(timeout.plusSeconds(1).toMillis(), TimeUnit.MILLISECONDS)
                // Uses each connection for one request only. The REST client closes the connection of every streamed answer,
                // sometimes after its pool has given that connection to the next request. Also, Zou's servers close idle
                // connections after seconds.
                .property(QuarkusRestClientProperties.KEEP_ALIVE_ENABLED, false)
                .build(ZouClient.class);
    }

    /** Returns true if {@code zou.url} is set, so that this service works beside Kitsu. If not, no request may be sent. */
    public boolean there() {
        return there;
    }

    /** Returns why the last request to Zou got no usable answer; empty if Zou answered it, even with a refusal. */
    public Optional<String> trouble() {
        return Optional.ofNullable(trouble);
    }

    /** Zou's answer about the user context, exactly as Zou sent it. */
    public record Answer(int status, String contentType, Buffer body) {
    }

    /** A method of {@link ZouClient}, called with the values of the headers Authorization and Cookie. */
    interface Question extends BiFunction<String, String, Multi<Buffer>> {
    }

    /**
     * Sends a request, and sends it a second time if there is no answer.
     *
     * @return the answer; fails with {@link Denied} for 403 and 404, and with a {@link ProblemException}: 401 if the credential
     *         is invalid or expired, 422 if the token is malformed, 503 if there is no usable answer within {@code zou.timeout}
     */
    Uni<JsonNode> ask(Credential credential, Function<ZouClient, Question> question) {
        return ask(credential, question, LONGEST_ANSWER);
    }

    /**
     * Fails with 401 if the credential is a token that only serves to set up a second factor. Zou answers
     * {@link ZouClient#authenticated} even for such a token, but refuses with 401 or 403 the list that this method requests.
     * Any other status counts as accepted, because an older Zou may answer with it.
     */
    Uni<Void> admit(Credential credential) {
        return twice(Uni.createFrom().deferred(() -> client.projectStatus(credential.authorization(), credential.cookie())
                .collect().first())
                .onFailure(failure -> ZouFailures.isAnswer(failure) && ZouFailures.status(failure) != 401
                        && ZouFailures.status(failure) != 403)
                .recoverWithNull()
                .onFailure(ZouFailures::isAnswer).transform(failures::unknown)).replaceWithVoid();
    }

    /**
     * Fetches objects by their ids; fails as {@link #ask} does.
     *
     * @param ids at most {@link ZouClient#MOST_IDS} ids
     * @return the objects that the caller may see; objects of archived productions only if the caller is an admin
     */
    Uni<List<ZouObject>> list(Credential credential, String collection, String fields, List<UUID> ids) {
        String asked = ids.stream().map(id -> '"' + id.toString() + '"').collect(Collectors.joining(",", "[", "]"));
        return ask(credential, client -> (bearer, cookie) -> client.list(bearer, cookie, collection, fields, asked))
                .map(answer -> {
                    List<ZouObject> shown = new ArrayList<>();
                    answer.forEach(one -> shown.add(new ZouObject(one)));
                    if (!answer.isArray() || !new HashSet<>(ids).containsAll(shown.stream().map(ZouObject::id).toList())) {
                        throw ZouFailures.away("its answer is about another object than requested");
                    }
                    return shown;
                });
    }

    /**
     * Fetches the ids of the productions that Zou lists for the caller. Archived productions are listed only for admins. Fails
     * as {@link #ask} does.
     */
    Uni<List<UUID>> projects(Credential credential) {
        return all(credential, "projects", "name").map(shown -> shown.stream().map(ZouObject::id).toList());
    }

    /** Fetches all objects of a collection that Zou lists for the caller, each with an id; fails as {@link #ask} does. */
    Uni<List<ZouObject>> all(Credential credential, String collection, String fields) {
        return ask(credential, client -> (bearer, cookie) -> client.list(bearer, cookie, collection, fields, null),
                LONGEST_LIST).map(answer -> {
                    List<ZouObject> shown = new ArrayList<>();
                    answer.forEach(one -> shown.add(new ZouObject(one)));
                    shown.forEach(one -> one.required("id"));
                    return shown;
                });
    }

    /** Fetches the names of the productions that Zou lists for the caller, by id. Fails as {@link #ask} does. */
    public Uni<Map<UUID, String>> productionNames(Credential credential) {
        return ask(credential, client -> (bearer, cookie) -> client.list(bearer, cookie, "projects", "name", null),
                LONGEST_LIST).map(answer -> {
                    Map<UUID, String> names = new HashMap<>();
                    answer.forEach(project -> {
                        ZouObject production = new ZouObject(project);
                        names.put(production.required("id"), Objects.requireNonNullElse(production.name(),
                                production.id().toString()));
                    });
                    return names;
                });
    }

    /** Fetches the people in the team of a production, with their roles there; fails as {@link #ask} does. */
    Uni<JsonNode> team(Credential credential, UUID production) {
        return ask(credential, client -> (bearer, cookie) -> client.team(bearer, cookie, production), LONGEST_LIST);
    }

    /** Fetches the custom actions that Zou itself stores. Fails with 403 if Zou refuses, else as {@link #ask} does. */
    public Uni<JsonNode> customActions(Credential credential) {
        return ask(credential, zou -> zou::customActions, LONGEST_LIST).onFailure(Denied.class)
                .transform(denied -> new ProblemException(Code.FORBIDDEN, "Kitsu says: " + denied.getMessage()));
    }

    /**
     * Zou's answer to a request to create a custom action.
     *
     * @param id the id of the custom action; null if Zou refused it
     * @param refused Zou's reason; null if the custom action was created
     */
    public record Created(UUID id, String refused) {
    }

    /**
     * Creates a custom action in Zou itself. Sends the request only once, and fails with the problem {@code unavailable} if
     * there is no answer.
     */
    public Uni<Created> createCustomAction(Credential credential, JsonNode action) {
        return tell(() -> patient.createCustomAction(credential.authorization(), credential.cookie(), action.toString()),
                body -> new Created(new ZouObject(parse(body)).required("id"), null))
                .onFailure(Denied.class).recoverWithItem(denied -> new Created(null, denied.getMessage()));
    }

    /**
     * Deletes a custom action in Zou itself. A custom action that Zou does not have counts as deleted. Fails as
     * {@link #createCustomAction} does.
     *
     * @return Zou's reason if Zou refuses; empty if the custom action is deleted
     */
    public Uni<Optional<String>> deleteCustomAction(Credential credential, UUID id) {
        return tell(() -> patient.deleteCustomAction(credential.authorization(), credential.cookie(), id),
                body -> Optional.<String> empty())
                .onFailure(Denied.class).recoverWithItem(denied -> denied.status == 404 ? Optional.empty()
                        : Optional.of(denied.getMessage()));
    }

    /**
     * Sends a change to Zou only once, because without an answer it is unknown whether Zou made the change. The time limit is
     * {@code zou.context-timeout}, which is so long that Zou hardly ever makes a change after this service gave up.
     */
    private <T> Uni<T> tell(Supplier<Multi<Buffer>> ask, Function<Buffer, T> read) {
        return timed(Uni.createFrom().deferred(() -> gather(ask.get(), LONGEST_ANSWER)).map(read)
                .onFailure(ZouFailures::isAnswer).transform(failures::refusedChange)
                .ifNoItem().after(config.contextTimeout()).fail())
                .onFailure(failure -> ZouFailures.isNoAnswer(failure)
                        || failure instanceof ProblemException problem && problem.code() == Code.UNAVAILABLE)
                .transform(failure -> ProblemException.unavailable("Kitsu's API server did not answer as it should"
                        + (ZouFailures.isNoAnswer(failure) ? ": " + ZouFailures.reason(failure) : "")
                        + ". Earlier changes stay; repeat this request to continue."));
    }

    private Uni<JsonNode> ask(Credential credential, Function<ZouClient, Question> question, int limit) {
        return twice(Uni.createFrom()
                .deferred(() -> gather(question.apply(client).apply(credential.authorization(), credential.cookie()), limit))
                .map(this::parse)
                .onFailure(ZouFailures::isAnswer).transform(failures::refused));
    }

    /**
     * Sends a GET request, and sends it a second time if there is no answer, since a GET changes nothing. The time limit of
     * each is half of {@code zou.timeout}.
     */
    private <T> Uni<T> twice(Uni<T> ask) {
        return timed(ask.ifNoItem().after(config.timeout().dividedBy(2)).fail())
                .onFailure(ZouFailures::isNoAnswer).retry().atMost(1)
                .onFailure(ZouFailures::isNoAnswer).transform(failure -> ZouFailures.away(ZouFailures.reason(failure)));
    }

    private <T> Uni<T> timed(Uni<T> asked) {
        return Uni.createFrom().deferred(() -> {
            Timer.Sample since = Timer.start();
            return asked.invoke(answer -> {
                int status = answer instanceof Answer whole ? whole.status() : 200;
                note(since, outcome(status), "it answered " + status);
            }).onFailure().invoke(failure -> note(since, failure instanceof Denied ? Outcome.denied
                    : failure instanceof ProblemException problem
                            && (problem.code() == Code.UNAUTHENTICATED || problem.code() == Code.MALFORMED_TOKEN)
                                    ? Outcome.unknown_token
                                    : Outcome.away,
                    ZouFailures.isNoAnswer(failure) ? ZouFailures.reason(failure) : failure.getMessage()));
        });
    }

    private static Outcome outcome(int status) {
        return switch (status) {
            case 401, 422 -> Outcome.unknown_token;
            case 403, 404 -> Outcome.denied;
            default -> status < 400 ? Outcome.answered : Outcome.away;
        };
    }

    private void note(Timer.Sample since, Outcome outcome, String why) {
        since.stop(timers.get(outcome));
        trouble = outcome == Outcome.away ? why : null;
    }

    /**
     * Fetches the user context, which is the data that Kitsu loads at login, as Zou gives it to this caller. Completes normally
     * even if Zou answers with an error status. Fails with 503 if there is no answer within {@code zou.context-timeout}, or if
     * the answer is over 64 MB.
     */
    public Uni<Answer> userContext(Credential credential) {
        return timed(gather(patient.userContext(credential.authorization(), credential.cookie()), LONGEST_CONTEXT)
                .ifNoItem().after(config.contextTimeout()).fail()
                .map(body -> new Answer(200, "application/json", body))
                .onFailure(failure -> ZouFailures.isAnswer(failure) && ZouFailures.status(failure) >= 400)
                .recoverWithItem(Zou::asItIs)
                .onFailure(failure -> !(failure instanceof ProblemException))
                .transform(failure -> ZouFailures.away(ZouFailures.reason(failure))));
    }

    private static Answer asItIs(Throwable failure) {
        Response response = ZouFailures.response(failure);
        byte[] body = response.hasEntity() ? response.readEntity(byte[].class) : new byte[0];
        return new Answer(response.getStatus(), response.getHeaderString("Content-Type"), Buffer.buffer(body));
    }

    /**
     * Collects the pieces of an answer. If they exceed {@code limit} bytes, stops reading, closes the connection and fails with
     * 503.
     */
    private static Uni<Buffer> gather(Multi<Buffer> pieces, int limit) {
        Buffer whole = Buffer.buffer();
        return pieces.onItem().invoke(piece -> {
            if (whole.length() + piece.length() > limit) {
                throw ZouFailures.away("its answer is over " + limit + " bytes");
            }
            whole.appendBuffer(piece);
        }).collect().last().map(last -> whole);
    }

    private JsonNode parse(Buffer body) {
        try {
            JsonNode tree = json.readTree(body.getBytes());
            if (tree != null && tree.isContainerNode()) {
                return tree;
            }
        } catch (IOException e) {
            LOG.debugf("Zou's answer is not JSON (%s); treating Zou as unavailable.", e.getMessage());
        }
        throw ZouFailures.away("its answer is not JSON");
    }
}
