package studio.actions.contract;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Parameter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.HttpMethod;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.QueryParam;

import org.junit.jupiter.api.Test;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;

import studio.actions.action.ActionJson;
import studio.actions.audit.AuditEntry;
import studio.actions.draft.Draft;
import studio.actions.draft.EntityType;
import studio.actions.egress.FailureKind;
import studio.actions.html.Page;
import studio.actions.identity.Person;
import studio.actions.identity.Role;
import studio.actions.kitsu.KitsuImport;
import studio.actions.press.PressJson;
import studio.actions.problem.Problem;
import studio.actions.run.Delivery;
import studio.actions.run.Run;
import studio.actions.run.RunJson;
import studio.actions.run.Target;
import studio.actions.statistics.Statistics;
import studio.actions.transfer.ImportReport;

/** Compares the code with the API's description in both directions. */
class RoutesTest {

    /** Routes beside the API: the front page, the description itself, and the echo endpoint for first experiments. */
    private static final Set<String> UNDOCUMENTED = Set.of("GET /", "GET /q/swagger-ui", "GET /api/custom-actions/openapi",
            "GET /api/custom-actions/echo", "POST /api/custom-actions/echo");

    private static final Map<String, Class<? extends Enum<?>>> ENUMS = Map.ofEntries(
            Map.entry("AuditVerb", AuditEntry.Verb.class), Map.entry("DeliveryState", Delivery.State.class),
            Map.entry("EntityKind", Target.Kind.class), Map.entry("EntityType", EntityType.class),
            Map.entry("FailureKind", FailureKind.class), Map.entry("ImportKind", ImportReport.Kind.class),
            Map.entry("ImportMode", ImportReport.Mode.class), Map.entry("TakeOverMode", KitsuImport.Mode.class),
            Map.entry("Method", studio.actions.draft.Method.class),
            Map.entry("Only", PressJson.Only.class),
            Map.entry("Role", Role.class), Map.entry("RunState", Run.State.class));

    private static final Map<String, Class<? extends Record>> RECORDS = Map.ofEntries(
            Map.entry("Action", ActionJson.View.class), Map.entry("ActionFields", Draft.class),
            Map.entry("ActionPage", ActionJson.Page.class), Map.entry("ActionHistory", ActionJson.History.class),
            Map.entry("ActionVersion", ActionJson.History.Version.class), Map.entry("ImportReport", ImportReport.class),
            Map.entry("Run", RunJson.View.class), Map.entry("RunPage", RunJson.Page.class),
            Map.entry("RunCounts", RunJson.Counts.class), Map.entry("RunProgress", RunJson.Progress.class),
            Map.entry("Delivery", RunJson.DeliveryView.class), Map.entry("EarlierAttempt", RunJson.EarlierAttempt.class),
            Map.entry("Failure", RunJson.Failure.class), Map.entry("Person", Person.class),
            Map.entry("Press", PressJson.Press.class), Map.entry("DraftPress", PressJson.DraftPress.class),
            Map.entry("Preview", PressJson.Preview.class), Map.entry("Statistics", Statistics.class),
            Map.entry("Target", Target.class), Map.entry("DeliveryTarget", Target.class));

    /** An operation, read from the code or from the document. */
    private record Route(String name, Set<String> parameters, Set<String> roles) {
    }

    private final JsonNode document = read();

    private static JsonNode read() {
        try {
            return new YAMLMapper().readTree(Path.of("src/main/resources/META-INF/openapi.yaml").toFile());
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void everyRouteIsDocumentedAndEveryDocumentedOneExists() {
        assertThat(routes()).filteredOn(
                route -> !UNDOCUMENTED.contains(route.name()) && !route.name().contains(" " + Page.APP))
                .containsExactlyInAnyOrderElementsOf(documented());
        assertThat(routes()).extracting(Route::name).containsAll(UNDOCUMENTED);
    }

    @Test
    void documentedEnumsMatchCode() {
        assertThat(ENUMS).allSatisfy((schema, type) -> assertThat(Contract.texts(schema(schema).get("enum"))).as(schema)
                .containsExactlyInAnyOrderElementsOf(Arrays.stream(type.getEnumConstants()).map(Enum::name).toList()));
        assertThat(Contract.texts(schema("Problem").at("/properties/code/enum"))).containsExactlyInAnyOrderElementsOf(
                Arrays.stream(Problem.Code.values()).map(Problem.Code::wire).distinct().toList());
        assertThat(document.at("/components/schemas").properties().stream().filter(schema -> schema.getValue().has("enum"))
                .map(Map.Entry::getKey)).as("enums that are compared with nothing").isSubsetOf(
                        Stream.concat(ENUMS.keySet().stream(), Stream.of("ExportColumns")).toList());
    }

    @Test
    void documentedFieldsMatchRecords() {
        assertThat(RECORDS).allSatisfy((schema, type) -> assertThat(schema(schema).get("properties").propertyStream()
                .filter(field -> !field.getValue().path("readOnly").asBoolean()).map(Map.Entry::getKey)).as(schema)
                .containsExactlyInAnyOrderElementsOf(fields(type).toList()));
    }

    private static Stream<String> fields(Class<?> type) {
        return Arrays.stream(type.getRecordComponents()).flatMap(field -> field.getAccessor()
                .isAnnotationPresent(JsonUnwrapped.class) ? fields(field.getType()) : Stream.of(snake(field.getName())));
    }

    @Test
    void documentedVersionIsBuildVersion() throws IOException {
        String version = document.at("/info/version").asText();
        assertThat(Files.readString(Path.of("pom.xml"))).contains("<version>" + version + "</version>");
    }

    @Test
    void errorGuideNamesEveryProblemCode() throws IOException {
        String guide = Files.readString(Path.of("src/docs/errors.md"));
        assertThat(Stream.of(Problem.Code.values()).map(Problem.Code::wire)).allSatisfy(
                code -> assertThat(guide).contains("`" + code + "`"));
    }

    private JsonNode schema(String name) {
        return document.at("/components/schemas/" + name);
    }

    private List<Route> documented() {
        return new Contract(document).operations().stream().map(operation -> new Route(
                operation.verb() + " " + operation.path(),
                operation.parameters().stream().filter(parameter -> !parameter.get("in").asText().equals("header"))
                        .map(parameter -> parameter.get("name").asText()).collect(Collectors.toCollection(TreeSet::new)),
                new TreeSet<>(Contract.texts(document.path("paths").path(operation.path())
                        .path(operation.verb().toLowerCase()).path("x-roles")))))
                .toList();
    }

    private static List<Route> routes() {
        List<Route> routes = new ArrayList<>();
        for (JavaClass type : new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests())
                .importPackages("studio.actions")) {
            if (type.isAnnotatedWith(jakarta.ws.rs.Path.class) && !type.isInterface()) {
                Class<?> resource = type.reflect();
                Arrays.stream(resource.getDeclaredMethods()).forEach(method -> verb(method)
                        .ifPresent(verb -> routes.add(route(verb, resource, method))));
            }
        }
        return routes;
    }

    private static Optional<String> verb(Method method) {
        return Arrays.stream(method.getAnnotations()).map(one -> one.annotationType().getAnnotation(HttpMethod.class))
                .filter(verb -> verb != null).map(HttpMethod::value).findFirst();
    }

    private static Route route(String verb, Class<?> resource, Method method) {
        String path = (resource.getAnnotation(jakarta.ws.rs.Path.class).value() + "/"
                + Optional.ofNullable(method.getAnnotation(jakarta.ws.rs.Path.class)).map(jakarta.ws.rs.Path::value).orElse(""))
                .replaceAll("/{2,}", "/").replaceAll("(.)/$", "$1");
        Set<String> parameters = Arrays.stream(method.getParameters()).flatMap(RoutesTest::names)
                .collect(Collectors.toCollection(TreeSet::new));
        Set<String> roles = Optional.ofNullable(method.getAnnotation(RolesAllowed.class)).map(RolesAllowed::value)
                .map(Arrays::asList).map(TreeSet::new).orElseGet(TreeSet::new);
        return new Route(verb + " " + path, parameters, roles);
    }

    private static Stream<String> names(Parameter parameter) {
        return Stream.concat(Stream.ofNullable(parameter.getAnnotation(QueryParam.class)).map(QueryParam::value),
                Stream.ofNullable(parameter.getAnnotation(PathParam.class)).map(PathParam::value));
    }

    private static String snake(String name) {
        return new PropertyNamingStrategies.SnakeCaseStrategy().translate(name);
    }
}
