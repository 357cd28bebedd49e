package studio.actions.contract;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_16;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URLEncoder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.contract.Contract.Operation;
import studio.actions.contract.Generator.Invalid;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou;
import studio.actions.testing.FakeZou.Task;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;

/**
 * Sends generated requests. Every answer must be documented; invalid requests must be refused, and valid ones must not.
 * {@code -Dcontract.requests} sets the requests per operation; {@code -Dcontract.seed} repeats the requests of a failure.
 */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
@Tag("survival")
class RequestsTest {

    private static final int REQUESTS = Integer.getInteger("contract.requests", 40);
    /** Fixed, so that every build sends the same requests and none fails by chance. Another seed finds other errors. */
    private static final long SEED = Long.getLong("contract.seed", 9);

    /** Codes of rules that no schema can express. A request refused with one of these codes is valid by its schema. */
    private static final Set<String> RULES = Set.of("name_taken", "selection_or_targets", "empty_selection", "empty_target",
            "unknown_cursor",
            "unknown_secret", "not_a_signing_secret", "secret_reference", "plain_credential", "variable_in_fragment",
            "header_refused", "header_twice",
            "scheme_not_http",
            "scheme_not_allowed", "scheme_forbidden", "control_character", "not_deleted", "names_from_kitsu");

    /** Prefixes of further such codes. URL templates and egress rules are languages of their own. */
    private static final List<String> LANGUAGES = List.of("template_", "egress_");

    /** The receiver in an example. It exists only without Kitsu; ApiDocumentTest tests that example. */
    private static final String PRACTICE = "/api/custom-actions/echo?shot={entity_id}";

    private static final String JUNK = "application/x-no-such-thing";

    private static final Pattern NO_URI = Pattern.compile("%(?!\\p{XDigit}{2})");

    private final Random random = new Random(SEED);
    private final FakeZou zou = FakeZou.shared();
    private final Map<String, String> faults = new TreeMap<>();

    private Contract contract;
    private String token;
    private Task task;
    private String sent;
    private String opened;
    private String run;
    private String running;

    /** A request as sent over the wire; the body is empty if the request has none. */
    private record Request(String target, Map<String, String> headers, byte[] body, String wrong) {
    }

    @BeforeEach
    void readTheDocument() {
        contract = Contract.ofService();
        makeWhatIsAskedFor();
        String held = BesideKitsu.ajax(Receiver.shared().url("/contract-" + UUID.randomUUID() + "/held"), "timeout_ms", 30_000,
                "max_attempts", 8);
        running = BesideKitsu.start(BesideKitsu.with(token), held, List.of(task.id())).get("id");
    }

    @AfterEach
    void letThemGo() {
        Receiver.shared().releaseAll();
    }

    private void makeWhatIsAskedFor() {
        token = BesideKitsu.token("admin");
        task = zou.shot("SH010");
        sent = BesideKitsu.ajax(Receiver.shared().url("/contract/ok"));
        opened = BesideKitsu.opened("https://studio.example/{task_id}");
        run = Json.of(200, BesideKitsu.run(BesideKitsu.with(token), sent, List.of(task.id()))).get("id");
    }

    @Test
    void acceptsRequestsThatSpecificationAllows() throws IOException {
        Set<String> neverTaken = new TreeSet<>();
        for (Operation operation : contract.operations()) {
            makeWhatIsAskedFor();
            Generator generator = generator(operation);
            neverTaken.add(operation.id());
            for (int i = 0; i < REQUESTS; i++) {
                Request request = valid(operation, generator);
                Answer answer = judge(operation, request);
                if (answer.status() < 400) {
                    neverTaken.remove(operation.id());
                } else if (refusesTheForm(answer)) {
                    fault(operation, request, "refused what the document allows: " + answer.text());
                }
            }
        }
        assertThat(faults).as(seed()).isEmpty();
        assertThat(neverTaken).as("operations that took nothing at all, " + seed()).isEmpty();
    }

    @Test
    void refusesRequestsThatSpecificationForbids() throws IOException {
        for (Operation operation : contract.operations()) {
            makeWhatIsAskedFor();
            Generator generator = generator(operation);
            for (int i = 0; i < REQUESTS; i++) {
                Optional<Request> request = invalid(operation, generator);
                if (request.isPresent()) {
                    Answer answer = judge(operation, request.get());
                    if (answer.status() < 400) {
                        fault(operation, request.get(), "took what the document forbids, with " + answer.status());
                    }
                }
            }
        }
        assertThat(faults).as(seed()).isEmpty();
    }

    @Test
    void refusesUndocumentedMethods() throws IOException {
        for (Operation operation : contract.operations()) {
            Set<String> known = contract.verbs(operation.path());
            Set<String> allowed = new TreeSet<>(known);
            allowed.add("OPTIONS");
            if (known.contains("GET")) {
                allowed.add("HEAD");
            }
            for (String verb : Contract.VERBS) {
                if (!known.contains(verb)) {
                    Request request = valid(operation, generator(operation));
                    Answer answer = Answer.to(verb, request.target(), request.headers(), request.body());
                    expect(operation, request, answer, "sent as " + verb, 405);
                    Set<String> told = new TreeSet<>(List.of(answer.headers().getOrDefault("Allow", "").split(", ")));
                    if (answer.status() == 405 && !told.equals(allowed)) {
                        fault(operation, request, verb + " is answered with 'Allow: " + told + "', not " + allowed);
                    }
                }
            }
        }
        assertThat(faults).as(seed()).isEmpty();
    }

    @Test
    void refusesUnknownMediaTypes() throws IOException {
        for (Operation operation : contract.operations()) {
            makeWhatIsAskedFor();
            Request request = valid(operation, generator(operation));
            if (Stream.of("200", "201").anyMatch(status -> operation.responses().path(status).has("content"))) {
                expect(operation, with(request, "Accept", JUNK), 406);
            }
            if (!operation.takes().isEmpty()) {
                expect(operation, with(request, "Content-Type", JUNK), 415);
                expect(operation, with(request, "Content-Type", "*/*"), 415);
                expect(operation, with(request, "Content-Type", "nonsense"), 400, 415);
                expect(operation, with(request, "Content-Type", ""), 415);
                expect(operation, with(request, "Content-Type", null), 415);
            }
        }
        assertThat(faults).as(seed()).isEmpty();
    }

    @Test
    void refusesMalformedBodies() throws IOException {
        for (Operation operation : contract.operations()) {
            makeWhatIsAskedFor();
            Request request = valid(operation, generator(operation, 1));
            for (String type : operation.takes().keySet()) {
                if (type.endsWith("json")) {
                    for (byte[] body : noJson(operation.takes().get(type))) {
                        expect(operation, new Request(request.target(), headers(type), body, "a hostile body"), 400);
                    }
                }
                byte[] large = new byte[type.equals("text/csv") ? 6_000_000 : 1_100_000];
                Arrays.fill(large, (byte) ' ');
                expect(operation, new Request(request.target(), headers(type), large, "a large body"), 413);
            }
        }
        assertThat(faults).as(seed()).isEmpty();
    }

    @Test
    void refusesUnknownFields() throws IOException {
        for (Operation operation : contract.operations()) {
            makeWhatIsAskedFor();
            for (Map.Entry<String, JsonNode> taken : operation.takes().entrySet()) {
                if (taken.getKey().endsWith("json")
                        && !contract.flat(taken.getValue()).path("additionalProperties").asBoolean()) {
                    ObjectNode body = (ObjectNode) generator(operation, 1).valid(taken.getValue(), "body");
                    body.put("no_such_field", 1);
                    Request request = valid(operation, generator(operation, 1));
                    expect(operation, new Request(request.target(), headers(taken.getKey()), bytes(taken.getKey(), body),
                            "an unknown field"), 400);
                }
            }
        }
        assertThat(faults).as(seed()).isEmpty();
    }

    /** Sends bodies with random bytes changed or cut off. Each answer must be documented. */
    @Test
    void answersDamagedBodiesAsDocumented() throws IOException {
        for (Operation operation : contract.operations()) {
            makeWhatIsAskedFor();
            for (String type : operation.takes().keySet()) {
                Generator generator = generator(operation, 1);
                for (int i = 0; i < REQUESTS; i++) {
                    byte[] body = bytes(type, body(operation, type, generator));
                    for (int changes = 1 + random.nextInt(3); changes > 0 && body.length > 0; changes--) {
                        body[random.nextInt(body.length)] = (byte) random.nextInt(256);
                    }
                    byte[] sent = random.nextInt(4) == 0 ? Arrays.copyOf(body, random.nextInt(body.length + 1)) : body;
                    judge(operation, new Request(valid(operation, generator).target(), headers(type), sent, "damaged"));
                }
            }
        }
        assertThat(faults).as(seed()).isEmpty();
    }

    @Test
    void answersMalformedPathsAndQueriesAsDocumented() throws IOException {
        for (Operation operation : contract.operations()) {
            makeWhatIsAskedFor();
            Request request = valid(operation, generator(operation));
            String path = request.target().split("[?]")[0];
            for (String junk : List.of("%00", "%ff", "%c0%af", "%ed%a0%80", "%", "%zz", "..%2f", "a".repeat(2000))) {
                for (JsonNode parameter : operation.parameters("query")) {
                    String target = path + "?" + parameter.get("name").asText() + "=" + junk;
                    judge(operation, new Request(target, request.headers(), request.body(), "a query with " + junk));
                }
                judge(operation, new Request(path + "?no_such_parameter=" + junk, request.headers(), request.body(),
                        "an unknown parameter of " + junk));
                if (operation.path().contains("{id}")) {
                    expect(operation, new Request(operation.path().replace("{id}", junk), request.headers(), request.body(),
                            "an id of " + junk), 400, 404);
                }
            }
            for (JsonNode parameter : operation.parameters("query")) {
                String twice = parameter.get("name").asText() + "=%s";
                judge(operation, new Request(path + "?" + (twice + "&" + twice).formatted("a", "b"), request.headers(),
                        request.body(), "a parameter twice"));
            }
            unread(operation, new Request(path + "/" + "a".repeat(5000), request.headers(), request.body(), "a long path"),
                    414);
            unread(operation, new Request(path + "?q=" + "a".repeat(5000), request.headers(), request.body(), "a long query"),
                    414);
            unread(operation, with(request, "X-Long", "a".repeat(20_000)), 431);
        }
        assertThat(faults).as(seed()).isEmpty();
    }

    @Test
    void acceptsEveryExample() throws IOException {
        for (Operation operation : contract.operations()) {
            for (Map.Entry<String, JsonNode> content : operation.body().path("content").properties()) {
                for (JsonNode example : content.getValue().path("examples")) {
                    makeWhatIsAskedFor();
                    JsonNode value = contract.resolve(example).get("value");
                    if (value.path("url").asText().endsWith(PRACTICE)) {
                        continue;
                    }
                    Request request = new Request(valid(operation, generator(operation, 1)).target(),
                            headers(content.getKey()), bytes(content.getKey(), value), "the example");
                    Answer answer = judge(operation, request);
                    if (answer.status() >= 400 && !answer.text().contains("\"name_taken\"")) {
                        fault(operation, request, "refused its own example: " + answer.text());
                    }
                }
            }
        }
        assertThat(faults).as(seed()).isEmpty();
    }

    // ---- Requests

    private Generator generator(Operation operation) {
        return generator(operation, 5);
    }

    /** @param unknown one id in this many is an id that does not exist */
    private Generator generator(Operation operation, int unknown) {
        Function<String, Optional<String>> known = name -> Optional.ofNullable(switch (name) {
            case "id" -> operation.path().endsWith("/cancel") ? running
                    : operation.path().contains("/runs/") ? run : operation.path().endsWith("/open") ? opened : sent;
            case "url" -> random.nextInt(4) == 0 ? null : Receiver.shared().url("/contract/ok?task={task_id}");
            case "version" -> random.nextBoolean() ? null : "1";
            case "action_id", "subject" -> sent;
            case "run" -> run;
            case "selection", "task_id" -> task.id();
            case "entity_id" -> task.entityId();
            case "production_id" -> task.projectId();
            case "caller" -> zou.person("admin").get("id").asText();
            default -> null;
        });
        return new Generator(contract, random, name -> known.apply(name)
                .map(there -> random.nextInt(unknown) == 1 && there.length() == 36 ? UUID.randomUUID().toString() : there));
    }

    private Request valid(Operation operation, Generator generator) {
        Map<String, JsonNode> values = new LinkedHashMap<>();
        operation.parameters().stream()
                .filter(parameter -> parameter.path("required").asBoolean() || generator.chance(3))
                .forEach(parameter -> {
                    JsonNode value = generator.valid(parameter.get("schema"), parameter.get("name").asText());
                    if (!parameter.get("in").asText().equals("header") || printable(value.asText())) {
                        values.put(parameter.get("name").asText(), value);
                    }
                });
        if (operation.takes().isEmpty()) {
            return request(operation, values, null, null, "valid");
        }
        String type = generator.pick(List.copyOf(operation.takes().keySet()));
        return request(operation, values, type, body(operation, type, generator), "valid");
    }

    /** Returns a body. A text body, such as CSV, is the document's example, since its schema does not describe the format. */
    private static JsonNode body(Operation operation, String type, Generator generator) {
        JsonNode examples = operation.body().path("content").path(type).path("examples");
        return examples.isObject() && examples.elements().next().path("value").isTextual()
                ? examples.elements().next().get("value")
                : generator.valid(operation.takes().get(type), "body");
    }

    private Optional<Request> invalid(Operation operation, Generator generator) {
        List<String> takes = operation.takes().keySet().stream().filter(type -> type.endsWith("json")).toList();
        List<JsonNode> parameters = operation.parameters();
        if (!takes.isEmpty() && (parameters.isEmpty() || !generator.chance(4))) {
            String type = generator.pick(takes);
            return generator.invalid(operation.takes().get(type), "body").map(wrong -> {
                Request fine = valid(operation, generator);
                return new Request(fine.target(), headers(type), bytes(type, wrong.value()), "body: " + wrong.why());
            });
        }
        return parameters.isEmpty() ? Optional.empty() : invalid(operation, generator.pick(parameters), generator);
    }

    private Optional<Request> invalid(Operation operation, JsonNode parameter, Generator generator) {
        String name = parameter.get("name").asText();
        String in = parameter.get("in").asText();
        Map<String, JsonNode> values = new LinkedHashMap<>();
        operation.parameters("path").forEach(path -> values.put(path.get("name").asText(),
                generator.valid(path.get("schema"), path.get("name").asText())));
        operation.parameters("query").stream().filter(query -> query.path("required").asBoolean())
                .forEach(query -> values.put(query.get("name").asText(),
                        generator.valid(query.get("schema"), query.get("name").asText())));
        String type = operation.takes().keySet().stream().findFirst().orElse(null);
        JsonNode body = type == null ? null : body(operation, type, generator);
        if (parameter.path("required").asBoolean() && in.equals("query") && generator.chance(4)) {
            values.remove(name);
            return Optional.of(request(operation, values, type, body, name + ": left out"));
        }
        boolean maybeEmpty = parameter.path("allowEmptyValue").asBoolean();
        Optional<Invalid> wrong = generator.invalid(parameter.get("schema"), name)
                .map(found -> new Invalid(new TextNode(found.value().asText()), found.why()))
                // A JSON text that is not valid as a number may be a valid number in a URL.
                .filter(found -> !contract.violations(parameter.get("schema"), read(parameter, found.value().asText()))
                        .isEmpty())
                .filter(found -> !(maybeEmpty && found.value().asText().isEmpty()))
                .filter(found -> in.equals("query") || !found.value().asText().isBlank()
                        // HTTP strips white space around a header's value.
                        && found.value().asText().equals(found.value().asText().strip()) && printable(found.value().asText()));
        return wrong.map(found -> {
            values.put(name, found.value());
            return request(operation, values, type, body, name + ": " + found.why());
        });
    }

    /** Converts a parameter's text to the type in its schema. */
    private JsonNode read(JsonNode parameter, String text) {
        String type = contract.flat(parameter.get("schema")).path("type").asText();
        boolean bool = type.equals("boolean") && Set.of("true", "false").contains(text);
        boolean whole = type.equals("integer") && text.matches("[+-]?\\d{1,18}");
        return whole ? LongNode.valueOf(Long.parseLong(text)) : bool ? Contract.read(text) : new TextNode(text);
    }

    private Request request(Operation operation, Map<String, JsonNode> values, String type, JsonNode body, String wrong) {
        String path = operation.path();
        for (JsonNode parameter : operation.parameters("path")) {
            String name = parameter.get("name").asText();
            path = path.replace("{" + name + "}", encoded(values.get(name).asText()));
        }
        String query = operation.parameters("query").stream().map(parameter -> parameter.get("name").asText())
                .filter(values::containsKey).map(name -> name + "=" + encoded(values.get(name).asText()))
                .collect(Collectors.joining("&"));
        Map<String, String> headers = headers(type);
        operation.parameters("header").stream().map(parameter -> parameter.get("name").asText()).filter(values::containsKey)
                .forEach(name -> headers.put(name, values.get(name).asText()));
        return new Request(query.isEmpty() ? path : path + "?" + query, headers, bytes(type, body), wrong);
    }

    private Map<String, String> headers(String type) {
        Map<String, String> headers = new LinkedHashMap<>(Map.of("Authorization", "Bearer " + token));
        if (type != null) {
            headers.put("Content-Type", type);
        }
        return headers;
    }

    private static Request with(Request request, String header, String value) {
        Map<String, String> headers = new LinkedHashMap<>(request.headers());
        headers.remove(header);
        if (value != null) {
            headers.put(header, value);
        }
        return new Request(request.target(), headers, request.body(), header + ": " + value);
    }

    private static byte[] bytes(String type, JsonNode body) {
        if (body != null && body.isObject() && type.equals("application/x-www-form-urlencoded")) {
            return body.properties().stream().map(field -> field.getKey() + "=" + encoded(field.getValue().asText()))
                    .collect(Collectors.joining("&")).getBytes(UTF_8);
        }
        return body == null ? new byte[0] : (body.isTextual() ? body.asText() : body.toString()).getBytes(UTF_8);
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, UTF_8).replace("+", "%20");
    }

    private static boolean printable(String text) {
        return !text.isBlank() && text.chars().allMatch(c -> c >= 0x20 && c <= 0x7e);
    }

    /** Returns bodies that are not JSON, not UTF-8, or have broken fields. The service must not guess their meaning. */
    private List<byte[]> noJson(JsonNode schema) throws IOException {
        ByteArrayOutputStream zipped = new ByteArrayOutputStream();
        try (GZIPOutputStream zip = new GZIPOutputStream(zipped)) {
            zip.write("{}".getBytes(UTF_8));
        }
        List<byte[]> bodies = new ArrayList<>(List.of(new byte[0], new byte[] { 0 }, zipped.toByteArray()));
        contract.flat(schema).path("properties").properties().stream()
                .filter(property -> !property.getValue().path("readOnly").asBoolean()).map(Map.Entry::getKey).forEach(field -> {
                    String object = "{\"" + field + "\": %s}";
                    bodies.addAll(List.of(object.formatted("\"é\"").getBytes(UTF_16),
                            object.formatted("\"é\"").getBytes(ISO_8859_1),
                            object.formatted("\"\u00c0\u00af\"").getBytes(ISO_8859_1),
                            object.formatted("\"\0\"").getBytes(UTF_8)));
                    Stream.of("\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "1e999", "-1e999", "1" + "0".repeat(400),
                            "NaN", "01",
                            "[".repeat(100_000), "{\"a\":".repeat(100_000), "1, \"" + field + "\": 1", "'x'", "\"x\" // no",
                            "\"x\",")
                            .forEach(value -> bodies.add(object.formatted(value).getBytes(UTF_8)));
                });
        Stream.of("[]", "null", "5", "\"x\"", "{", "{}}", "<x/>").forEach(text -> bodies.add(text.getBytes(UTF_8)));
        return bodies;
    }

    // ---- Answers

    private Answer judge(Operation operation, Request request) throws IOException {
        Answer answer = Answer.to(operation.verb(), request.target(), request.headers(), request.body());
        faults(operation, request, answer).forEach(fault -> fault(operation, request, fault));
        return answer;
    }

    /** Quarkus refuses an invalid URI with an empty 400 before the operation is known. The document says so. */
    private List<String> faults(Operation operation, Request request, Answer answer) {
        boolean unreadable = answer.status() == 400 && answer.text().isEmpty() && NO_URI.matcher(request.target()).find();
        return unreadable ? List.of() : contract.faults(operation, answer);
    }

    private void expect(Operation operation, Request request, Integer... statuses) throws IOException {
        Answer answer = Answer.to(operation.verb(), request.target(), request.headers(), request.body());
        expect(operation, request, answer, "", statuses);
    }

    private void expect(Operation operation, Request request, Answer answer, String how, Integer... statuses) {
        faults(operation, request, answer).forEach(fault -> fault(operation, request, fault + " " + how));
        if (!List.of(statuses).contains(answer.status())) {
            fault(operation, request, "%s was answered with %d instead of %s: %s".formatted(how, answer.status(),
                    List.of(statuses), answer.text()));
        }
    }

    /** Checks the empty answer to a request that is refused unread. The document describes this once for all operations. */
    private void unread(Operation operation, Request request, int status) throws IOException {
        Answer answer = Answer.to(operation.verb(), request.target(), request.headers(), request.body());
        if (answer.status() != status || answer.body().length > 0) {
            fault(operation, request, "%d instead of an empty %d: %s".formatted(answer.status(), status, answer.text()));
        }
    }

    private static boolean refusesTheForm(Answer answer) {
        if (!Set.of(400, 406, 415).contains(answer.status())) {
            return false;
        }
        Json problem = Json.of(answer.text());
        List<String> codes = problem.get("errors") == null ? List.of() : problem.getList("errors.code");
        return !problem.getString("code").equals("not_for_selection")
                && (codes.isEmpty() || codes.stream().anyMatch(code -> !RULES.contains(code)
                        && LANGUAGES.stream().noneMatch(code::startsWith)));
    }

    /** Records a fault, but only the first of each kind. */
    private void fault(Operation operation, Request request, String what) {
        String body = new String(request.body(), UTF_8);
        faults.putIfAbsent(operation + ": " + cut(what.replaceAll("[0-9a-f-]{36}", "…"), 120),
                "\n    %s %s\n    %s\n    %s\n    %s\n".formatted(operation.verb(), cut(request.target(), 300), cut(body, 300),
                        cut(request.wrong(), 300), cut(what, 500)));
    }

    private static String cut(String text, int length) {
        return text.length() <= length ? text : text.substring(0, length) + "…";
    }

    private static String seed() {
        return "-Dcontract.seed=" + SEED;
    }
}
