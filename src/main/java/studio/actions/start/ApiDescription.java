package studio.actions.start;

import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.eclipse.microprofile.openapi.OASFactory;
import org.eclipse.microprofile.openapi.OASFilter;
import org.eclipse.microprofile.openapi.models.Components;
import org.eclipse.microprofile.openapi.models.OpenAPI;
import org.eclipse.microprofile.openapi.models.Operation;
import org.eclipse.microprofile.openapi.models.PathItem;
import org.eclipse.microprofile.openapi.models.PathItem.HttpMethod;
import org.eclipse.microprofile.openapi.models.Paths;
import org.eclipse.microprofile.openapi.models.headers.Header;
import org.eclipse.microprofile.openapi.models.media.MediaType;
import org.eclipse.microprofile.openapi.models.media.Schema;
import org.eclipse.microprofile.openapi.models.parameters.Parameter;
import org.eclipse.microprofile.openapi.models.responses.APIResponse;
import org.eclipse.microprofile.openapi.models.responses.APIResponses;
import org.jboss.jandex.IndexView;

import io.quarkus.smallrye.openapi.OpenApiFilter;
import studio.actions.problem.Problem;
import studio.actions.problem.Problem.Code;

/**
 * What holds for the whole API, and so is written into its description once, while the service is built: which problems an
 * operation can answer with, the headers that go with its statuses, and the order of the work. What is an operation's own
 * stands at its method; of fields, {@link ApiSchemas} says what their records cannot.
 */
@OpenApiFilter(stages = OpenApiFilter.RunStage.BUILD)
public class ApiDescription implements OASFilter {

    private static final String ACTIONS = "/api/custom-actions";
    private static final String KITSU = "/api/data/custom-actions";

    /** Swagger UI shows them as they come: first what comes first. */
    private static final List<String> ORDER = Stream.concat(
            Stream.of("", "/{id}", "/{id}/history", "/{id}/restore", "/export", "/import", "/preview", "/{id}/preview",
                    "/{id}/run", "/runs/{id}", "/runs/{id}/events", "/runs", "/runs/{id}/cancel", "/runs/cancel",
                    "/runs/{id}/replay", "/{id}/stats", "/stats", "/audit", "/take-over").map(ACTIONS::concat),
            Stream.of(KITSU, KITSU + "/{id}", KITSU + "/{id}/run", KITSU + "/{id}/open", "/api/data/user/context")).toList();

    private static final List<HttpMethod> VERBS = List.of(HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH,
            HttpMethod.DELETE);

    private static final List<String> TAGS = List.of("Actions", "Runs", "Audit", "Kitsu");

    /** By the names of RFC 9110 and its companions. */
    private static final Map<Integer, String> NAMES = new TreeMap<>(Map.ofEntries(Map.entry(400, "BadRequest"),
            Map.entry(401, "Unauthorized"), Map.entry(403, "Forbidden"), Map.entry(404, "NotFound"),
            Map.entry(405, "MethodNotAllowed"), Map.entry(406, "NotAcceptable"), Map.entry(408, "RequestTimeout"),
            Map.entry(409, "Conflict"), Map.entry(412, "PreconditionFailed"), Map.entry(413, "ContentTooLarge"),
            Map.entry(415, "UnsupportedMediaType"), Map.entry(422, "UnprocessableContent"),
            Map.entry(429, "TooManyRequests"), Map.entry(500, "InternalServerError"), Map.entry(502, "BadGateway"),
            Map.entry(503, "ServiceUnavailable"), Map.entry(504, "GatewayTimeout")));

    private static final Map<Integer, List<String>> HEADERS = Map.of(401, List.of("WWW-Authenticate"), 405, List.of("Allow"),
            429, List.of("Retry-After", "RateLimit-Policy", "RateLimit"), 503, List.of("Retry-After"));

    private final IndexView index;

    public ApiDescription(IndexView index) {
        this.index = index;
    }

    /** A type beside a reference would have to hold as well, and forbid the null that is one of the choices. */
    @Override
    public Schema filterSchema(Schema schema) {
        if (schema.getRef() != null || schema.getAnyOf() != null || schema.getOneOf() != null) {
            schema.setType((List<Schema.SchemaType>) null);
        }
        return schema;
    }

    @Override
    public void filterOpenAPI(OpenAPI api) {
        Components components = api.getComponents();
        headers(components);
        problems(components);
        api.setTags(api.getTags().stream().sorted(Comparator.comparing(tag -> TAGS.indexOf(tag.getName()))).toList());
        api.setPaths(ordered(api.getPaths().getPathItems()));
        api.getPaths().getPathItems().forEach((path, item) -> item.getOperations()
                .forEach((verb, operation) -> describe(path, verb, operation)));
        deliveries(api.getWebhooks().get("delivery"));
        new ApiSchemas(index).complete(api);
    }

    private static void headers(Components components) {
        header(components, "ETag", "What the answer was made of; for If-None-Match, and of one action for If-Match.");
        header(components, "Location", "Where to go on: a URL, or a path on this host.");
        header(components, "Link", "Other pages: rel first, last, prev, next (RFC 8288).");
        header(components, "Content-Disposition", "The name of the file, where it is a table (RFC 6266).");
        header(components, "Allow", "The methods that this path knows, with commas between them.");
        header(components, "WWW-Authenticate", "How to say who asks (RFC 6750).");
        header(components, "RateLimit-Policy",
                "What is allowed: q presses in w seconds; of an action, q deliveries that wait.");
        header(components, "RateLimit", "r presses are left, and all of them in t seconds.");
        header(components, "Retry-After", "Seconds after which to ask again.")
                .getSchema().setType(List.of(Schema.SchemaType.INTEGER));
        Stream.of("ETag", "Location", "Allow", "WWW-Authenticate", "Retry-After")
                .forEach(always -> components.getHeaders().get(always).setRequired(true));
        components.addParameter("If-None-Match", tags("If-None-Match",
                "ETags as they were given; where one of them is still right, the answer is 304."));
        components.addParameter("If-Match", tags("If-Match",
                "The ETag that was read; where the action has changed since, nothing is done (412)."));
    }

    private static Header header(Components components, String name, String description) {
        Header header = OASFactory.createHeader().description(description)
                .schema(OASFactory.createSchema().addType(Schema.SchemaType.STRING));
        components.addHeader(name, header);
        return header;
    }

    private static Parameter tags(String name, String description) {
        return OASFactory.createParameter().name(name).in(Parameter.In.HEADER).description(description).schema(
                OASFactory.createSchema().addType(Schema.SchemaType.STRING).pattern("^[\\x20-\\x7e]*$"));
    }

    /** One answer for each status, with the codes that it can have. */
    private static void problems(Components components) {
        NAMES.forEach((status, name) -> {
            List<Code> codes = codes(status);
            APIResponse response = OASFactory.createAPIResponse().description(codes.stream()
                    .map(code -> "`" + code.wire() + "`: " + code.title + ".").collect(Collectors.joining("\n\n")))
                    .content(OASFactory.createContent().addMediaType(Problem.MEDIA_TYPE, problem(codes.get(0))));
            HEADERS.getOrDefault(status, List.of()).forEach(header -> response.addHeader(header, reference(header)));
            components.addResponse(name, response);
        });
        APIResponse bad = components.getResponses().get("BadRequest");
        bad.setDescription(bad.getDescription()
                + "\n\nIt is empty where what came is no HTTP (RFC 9112), or asks for what is no URI (RFC 3986).");
        components.addResponse("UriTooLong", OASFactory.createAPIResponse()
                .description("The request line has more than 4,096 bytes. This answer is empty."));
        components.addResponse("HeadersTooLarge", OASFactory.createAPIResponse()
                .description("The headers have more than 16 KB. This answer is empty."));
    }

    private static List<Code> codes(int status) {
        return Arrays.stream(Code.values()).filter(code -> code.status == status && code != Code.HIDDEN).toList();
    }

    /** Without a detail of its own: that is said anew each time. */
    private static MediaType problem(Code code) {
        Map<String, Object> problem = new LinkedHashMap<>();
        problem.put("type", code.type());
        problem.put("title", code.title);
        problem.put("status", code.status);
        problem.put("detail", code.title + ".");
        problem.put("instance", "/api/custom-actions");
        problem.put("code", code.wire());
        problem.put("id", "5f0c9d0a-6a1f-4a53-9f0b-2a7f5f4f7c11");
        problem.put("error", true);
        problem.put("message", code.title + ".");
        return OASFactory.createMediaType().schema(OASFactory.createSchema().ref("Problem"))
                .addExample(code.wire(), OASFactory.createExample().value(problem));
    }

    /** The action says with which verb it is sent; a receiver has no token of ours, and knows us by the signature. */
    private static void deliveries(PathItem delivery) {
        Operation post = delivery.getPOST().security(List.of());
        VERBS.stream().filter(verb -> verb != HttpMethod.POST).forEach(verb -> {
            Operation other = OASFactory.createOperation().tags(post.getTags()).security(List.of())
                    .operationId(post.getOperationId() + "By" + verb.name().charAt(0) + verb.name().substring(1).toLowerCase(
                            Locale.ROOT))
                    .summary(post.getSummary() + ", where the action's method is " + verb)
                    .description(verb == HttpMethod.GET ? "As with POST, without a body." : "As with POST.")
                    .parameters(post.getParameters()).responses(post.getResponses());
            delivery.setOperation(verb, verb == HttpMethod.GET ? other : other.requestBody(post.getRequestBody()));
        });
    }

    private static Paths ordered(Map<String, PathItem> items) {
        Paths paths = OASFactory.createPaths();
        ORDER.forEach(path -> paths.addPathItem(path, ordered(Objects.requireNonNull(items.get(path), path))));
        if (!Set.copyOf(ORDER).containsAll(items.keySet())) {
            throw new IllegalStateException("Say in ApiDescription where in the order of the work these stand: "
                    + items.keySet().stream().filter(path -> !ORDER.contains(path)).toList());
        }
        return paths;
    }

    private static PathItem ordered(PathItem item) {
        PathItem ordered = OASFactory.createPathItem().parameters(item.getParameters());
        item.getOperations().entrySet().stream().sorted(Comparator.comparing(one -> VERBS.indexOf(one.getKey())))
                .forEach(one -> ordered.setOperation(one.getKey(), one.getValue()));
        return ordered;
    }

    private static void describe(String path, HttpMethod verb, Operation operation) {
        APIResponses responses = operation.getResponses();
        List<String> roles = operation.getSecurity() == null ? List.of()
                : operation.getSecurity().stream().flatMap(one -> one.getSchemes().values().stream()).flatMap(List::stream)
                        .distinct().toList();
        if (!roles.isEmpty()) {
            operation.addExtension("x-roles", roles);
            operation.setDescription(operation.getDescription() + " For: " + String.join(", ", roles) + ".");
        }
        // Roles are no scopes; tools look for those in OAuth's flows only. What holds for the whole API says how to sign in.
        operation.setSecurity(null);
        // Quarkus' own say nothing of what is in them.
        Stream.of("401", "403").filter(status -> responses.hasAPIResponse(status)
                && responses.getAPIResponse(status).getContent() == null).forEach(responses::removeAPIResponse);
        problem(responses, 400, 401, 403, 405, 406, 413, 500, 503);
        responses.addAPIResponse("414", OASFactory.createAPIResponse().ref("UriTooLong"));
        responses.addAPIResponse("431", OASFactory.createAPIResponse().ref("HeadersTooLarge"));
        if (path.contains("{id}")) {
            problem(responses, 404);
            operation.getParameters().stream().filter(parameter -> parameter.getIn() == Parameter.In.PATH)
                    .forEach(id -> id.setDescription(path.contains("/runs/") ? "Of the run." : "Of the action."));
        }
        if (operation.getRequestBody() != null) {
            problem(responses, 408);
        }
        // Taking over reads no body, whatever it is.
        if (operation.getRequestBody() != null || verb == HttpMethod.POST && !path.equals(ACTIONS + "/take-over")) {
            problem(responses, 415);
        }
        if (named(operation, "Idempotency-Key")) {
            problem(responses, 422);
        }
        parameters(operation).stream()
                .filter(parameter -> parameter.getIn() == Parameter.In.QUERY && !Boolean.TRUE.equals(parameter.getRequired()))
                .forEach(parameter -> parameter.setAllowEmptyValue(true));
        conditions(operation, responses);
        told(responses, "Location", "202");
        if (operation.getResponses().hasAPIResponse("200") && table(operation.getResponses().getAPIResponse("200"))) {
            told(responses, "Content-Disposition", "200");
        }
        if (responses.hasAPIResponse("429")) {
            told(responses, "RateLimit-Policy", "200", "202", "303", "307");
            told(responses, "RateLimit", "200", "202", "303", "307");
        }
        responses.getAPIResponses().forEach((status, response) -> {
            if (response.getContent() != null && response.getContent().hasMediaType(Problem.MEDIA_TYPE)) {
                response.getContent().addMediaType(Problem.MEDIA_TYPE, problem(codes(Integer.parseInt(status)).get(0)));
            }
        });
        operation.setResponses(byStatus(responses));
    }

    private static boolean table(APIResponse answer) {
        return answer.getContent() != null && answer.getContent().hasMediaType("text/csv");
    }

    private static void conditions(Operation operation, APIResponses responses) {
        if (responses.hasAPIResponse("304")) {
            operation.addParameter(OASFactory.createParameter().ref("If-None-Match"));
            told(responses, "ETag", "200", "304");
        }
        if (responses.hasAPIResponse("412")) {
            operation.addParameter(OASFactory.createParameter().ref("If-Match"));
            told(responses, "ETag", "200");
        }
    }

    private static List<Parameter> parameters(Operation operation) {
        return operation.getParameters() == null ? List.of() : operation.getParameters();
    }

    private static boolean named(Operation operation, String name) {
        return parameters(operation).stream().anyMatch(parameter -> name.equals(parameter.getName()));
    }

    private static void problem(APIResponses responses, int... statuses) {
        Arrays.stream(statuses).filter(status -> !responses.hasAPIResponse(Integer.toString(status))).forEach(
                status -> responses.addAPIResponse(Integer.toString(status),
                        OASFactory.createAPIResponse().ref(NAMES.get(status))));
    }

    private static void told(APIResponses responses, String header, String... statuses) {
        Arrays.stream(statuses).map(responses::getAPIResponse).filter(Objects::nonNull)
                .forEach(response -> response.addHeader(header, reference(header)));
    }

    private static Header reference(String header) {
        return OASFactory.createHeader().ref(header);
    }

    private static APIResponses byStatus(APIResponses responses) {
        APIResponses sorted = OASFactory.createAPIResponses();
        new TreeMap<>(responses.getAPIResponses()).forEach(sorted::addAPIResponse);
        return sorted;
    }
}
