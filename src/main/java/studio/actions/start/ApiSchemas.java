package studio.actions.start;

import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.eclipse.microprofile.openapi.OASFactory;
import org.eclipse.microprofile.openapi.models.Components;
import org.eclipse.microprofile.openapi.models.OpenAPI;
import org.eclipse.microprofile.openapi.models.Operation;
import org.eclipse.microprofile.openapi.models.media.Content;
import org.eclipse.microprofile.openapi.models.media.Schema;
import org.jboss.jandex.AnnotationInstance;
import org.jboss.jandex.AnnotationTarget;
import org.jboss.jandex.ClassInfo;
import org.jboss.jandex.DotName;
import org.jboss.jandex.IndexView;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

import studio.actions.problem.Problem.Code;

/** What of the description's schemas no annotation can say: what depends on several of them, or on who sends them. */
final class ApiSchemas {

    private static final DotName SCHEMA = DotName
            .createSimple(org.eclipse.microprofile.openapi.annotations.media.Schema.class);

    /** What is never null in one, while the rest is left out. */
    private static final Set<String> PROBLEM = Set.of("type", "title", "status", "detail", "instance", "code", "id", "error",
            "message");

    private static final DotName IGNORED = DotName.createSimple(JsonIgnoreProperties.class);

    /** By the names of their schemas. */
    private final Map<String, ClassInfo> types = new HashMap<>();

    ApiSchemas(IndexView index) {
        for (AnnotationInstance schema : index.getAnnotations(SCHEMA)) {
            if (schema.target().kind() == AnnotationTarget.Kind.CLASS && schema.value("name") != null) {
                types.put(schema.value("name").asString(), schema.target().asClass());
            }
        }
    }

    void complete(OpenAPI api) {
        Map<String, Schema> schemas = api.getComponents().getSchemas();
        List.copyOf(schemas.keySet()).stream().filter(name -> name.contains("."))
                .forEach(api.getComponents()::removeSchema);
        schemas.get("Problem").getProperties().get("code").setEnumeration(
                Arrays.stream(Code.values()).map(Code::wire).distinct().collect(Collectors.toList()));
        fields(api.getComponents());
        orNull(api.getComponents(), "ImportChange", "from", "ImportFields");
        orNull(api.getComponents(), "PreviewDelivery", "body", "DeliveryBody");
        schemas.get("AuditEntry").addProperty("detail", OASFactory.createSchema().ref("AuditDetail"));
        events(api.getPaths().getPathItem("/api/custom-actions/runs/{id}/events").getGET());
        always(api);
        // Where 'fields' asks for some of them, these are all.
        Stream.of("KitsuAction", "ImportFields").forEach(some -> api.getComponents().getSchemas().get(some).setRequired(null));
    }

    /**
     * An action's fields as they are sent, where what is unknown is refused, and as they are answered, where more may join.
     * A merge patch is a draft of which nothing is required, and whose headers can be taken out one by one.
     */
    private void fields(Components components) {
        Map<String, Schema> draft = components.getSchemas().get("ActionDraft").getProperties();
        components.addSchema("ActionFields", object("The fields of an action that an admin writes.", draft));
        components.addSchema("ImportFields", object("Those fields of an action that it is about.", draft));
        Map<String, Schema> patch = new LinkedHashMap<>(draft);
        patch.put("headers", OASFactory.createSchema().type(List.of(Schema.SchemaType.OBJECT, Schema.SchemaType.NULL))
                .description("With null, a header is taken out. In the end there are 20 at most.")
                .propertyNames(OASFactory.createSchema().ref("HeaderName"))
                .additionalPropertiesSchema(OASFactory.createSchema().addAnyOf(OASFactory.createSchema().ref("HeaderValue"))
                        .addAnyOf(OASFactory.createSchema().addType(Schema.SchemaType.NULL))));
        components.addSchema("ActionPatch",
                object("Fields of an action as they are to become; null puts one back to its default.", patch));
        types.put("ActionPatch", types.get("ActionDraft"));
        Stream.of("ActionDraft", "ActionPatch", "KitsuActionDraft", "KitsuActionChange").forEach(name -> {
            Schema schema = components.getSchemas().get(name);
            for (String ignored : types.get(name).declaredAnnotation(IGNORED).value().asStringArray()) {
                schema.addProperty(ignored, OASFactory.createSchema().readOnly(true)
                        .description("Taken and ignored, so that what was read can be sent back."));
            }
            schema.setAdditionalPropertiesBoolean(false);
        });
    }

    private static Schema object(String description, Map<String, Schema> properties) {
        return OASFactory.createSchema().addType(Schema.SchemaType.OBJECT).description(description)
                .properties(new LinkedHashMap<>(properties));
    }

    /** What is in the stream is JSON, of which no annotation can tell. */
    private static void events(Operation watch) {
        Schema data = OASFactory.createSchema();
        Stream.of("Delivery", "RunProgress", "Run").forEach(name -> data.addAnyOf(OASFactory.createSchema().ref(name)));
        watch.getResponses().getAPIResponse("200").getContent().getMediaType("text/event-stream").getSchema()
                .contentMediaType("text/event-stream")
                .contentSchema(data.description("The data of one event; its name says which of them it is."));
    }

    /** An annotation can say this of a type of ours only. */
    private static void orNull(Components components, String schema, String property, String name) {
        Map<String, Schema> properties = components.getSchemas().get(schema).getProperties();
        components.getSchemas().get(schema).addProperty(property,
                OASFactory.createSchema().description(properties.get(property).getDescription())
                        .addAnyOf(OASFactory.createSchema().ref(name))
                        .addAnyOf(OASFactory.createSchema().addType(Schema.SchemaType.NULL)));
    }

    /** An answer has all of its fields, null where there is nothing; but for those that Jackson leaves out. */
    private void always(OpenAPI api) {
        Map<String, Schema> schemas = api.getComponents().getSchemas();
        List<Operation> operations = api.getPaths().getPathItems().values().stream()
                .flatMap(item -> item.getOperations().values().stream()).toList();
        Set<String> sent = new LinkedHashSet<>();
        operations.stream().map(Operation::getRequestBody).filter(Objects::nonNull)
                .forEach(body -> reach(body.getContent(), schemas, sent));
        schemas.forEach((name, schema) -> {
            if (!sent.contains(name) && schema.getProperties() != null) {
                schema.setRequired(schema.getProperties().keySet().stream()
                        .filter(field -> !types.containsKey(name) || always(types.get(name), field)).toList());
            }
        });
    }

    private static boolean always(ClassInfo type, String field) {
        return type.hasDeclaredAnnotation(JsonInclude.class) ? PROBLEM.contains(field)
                : type.fields().stream().noneMatch(
                        one -> snake(one.name()).equals(field) && one.hasAnnotation(JsonInclude.class));
    }

    private static String snake(String name) {
        return name.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
    }

    private static void reach(Content content, Map<String, Schema> schemas, Set<String> reached) {
        content.getMediaTypes().values().forEach(media -> reach(media.getSchema(), schemas, reached));
    }

    private static void reach(Schema schema, Map<String, Schema> schemas, Set<String> reached) {
        if (schema == null) {
            return;
        }
        if (schema.getRef() != null) {
            String name = schema.getRef().substring(schema.getRef().lastIndexOf('/') + 1);
            if (reached.add(name)) {
                reach(schemas.get(name), schemas, reached);
            }
        }
        Stream.of(schema.getProperties() == null ? List.<Schema> of() : schema.getProperties().values(), schema.getAnyOf(),
                schema.getOneOf(), schema.getAllOf(), schema.getItems() == null ? null : List.of(schema.getItems()),
                schema.getAdditionalPropertiesSchema() == null ? null : List.of(schema.getAdditionalPropertiesSchema()))
                .filter(Objects::nonNull).flatMap(Collection::stream).forEach(part -> reach(part, schemas, reached));
    }
}
