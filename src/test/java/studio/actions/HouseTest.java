package studio.actions;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static java.util.Map.entry;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import jakarta.persistence.Entity;
import jakarta.transaction.Transactional;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;

import io.smallrye.mutiny.Uni;

/** The architecture rules: which package may import which other package. */
class HouseTest {

    private static final String ROOT = "studio.actions.";

    private static final JavaClasses HOUSE = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests()).importPackages("studio.actions");

    /**
     * Maps each package to the packages that it may import. All packages may import {@code problem}, {@code log},
     * {@code hash}, {@code thread} and {@code settings}. {@code start} wires the service together; no package may import it.
     */
    private static final Map<String, List<String>> MAY_IMPORT = Map.ofEntries(
            entry("start",
                    List.of("page", "html", "kitsu", "press", "stream", "statistics", "limit", "run", "transfer", "action",
                            "draft", "secret",
                            "template", "address", "egress", "zou", "identity", "audit", "http", "database")),
            entry("page",
                    List.of("kitsu", "press", "replica", "run", "limit", "statistics", "transfer", "action", "draft", "secret",
                            "template", "zou", "identity", "audit", "html", "database")),
            entry("kitsu",
                    List.of("press", "plan", "limit", "run", "transfer", "action", "draft", "template", "zou", "identity",
                            "audit", "html", "database")),
            entry("press",
                    List.of("plan", "statistics", "delivery", "webhook", "replica", "run", "limit", "action", "draft",
                            "template",
                            "egress", "identity", "audit", "database")),
            entry("plan", List.of("webhook", "run", "action", "draft", "template", "address", "egress", "zou", "identity")),
            entry("stream", List.of("run", "identity", "database")),
            entry("statistics", List.of("delivery", "run", "limit", "action", "egress", "identity", "database")),
            entry("delivery",
                    List.of("webhook", "replica", "run", "limit", "draft", "secret", "address", "egress", "database")),
            entry("webhook", List.of("run", "action", "draft", "secret", "egress")),
            entry("replica", List.of("run")),
            entry("run", List.of("http", "action", "draft", "template", "egress", "zou", "identity", "audit", "database")),
            entry("limit", List.of("identity", "database")),
            entry("transfer", List.of("action", "draft", "template", "identity", "audit", "csv")),
            entry("action", List.of("draft", "template", "identity", "audit", "database")),
            entry("draft", List.of("secret", "template", "identity", "address")),
            entry("secret", List.of()),
            entry("template", List.of()),
            entry("csv", List.of()),
            entry("audit", List.of("identity", "csv", "database")),
            entry("egress", List.of("address")),
            entry("address", List.of()),
            entry("zou", List.of("identity")),
            entry("identity", List.of()),
            entry("http", List.of("html", "database")),
            entry("database", List.of()),
            entry("problem", List.of()),
            entry("html", List.of()),
            entry("log", List.of()),
            entry("hash", List.of()),
            entry("thread", List.of()),
            entry("settings", List.of()));

    /**
     * Classes that hold SQL and whose names do not end in {@code Store}. The checks of the database ask for its settings, not
     * for our tables.
     */
    private static final Set<String> STORES = Set.of("SqlBatch", "Notifications", "DeliveryQueue", "OutcomeBatch",
            "TokenBuckets",
            "RunWriter", "DatabaseCheck", "Health");

    static Set<String> rooms() {
        return MAY_IMPORT.keySet();
    }

    @ParameterizedTest
    @MethodSource("rooms")
    void importsOnlyWhatTheDesignAllows(String room) {
        List<String> forbidden = MAY_IMPORT.keySet().stream()
                .filter(other -> !List.of(room, "problem", "log", "hash", "thread", "settings").contains(other)
                        && !MAY_IMPORT.get(room).contains(other))
                .map(other -> ROOT + other + "..").toList();
        noClasses().that().resideInAPackage(ROOT + room + "..")
                .should().dependOnClassesThat().resideInAnyPackage(forbidden.toArray(String[]::new))
                .allowEmptyShould(true).check(HOUSE);
    }

    @Test
    void coversEveryPackage() {
        classes().should().resideInAnyPackage(MAY_IMPORT.keySet().stream().map(room -> ROOT + room).toArray(String[]::new))
                .orShould().haveSimpleName("package-info").check(HOUSE);
    }

    @Test
    void actionsUseOnlyThePolicyAndRefusalsOfAddress() {
        noClasses().that().resideInAnyPackage(ROOT + "action..", ROOT + "draft..").should().dependOnClassesThat(
                resideInAnyPackage(ROOT + "address..", ROOT + "egress..").and(DescribedPredicate.describe(
                        "more than the guard",
                        (JavaClass type) -> !type.getName().startsWith(ROOT + "address.AddressPolicy")
                                && !type.getName().startsWith(ROOT + "address.Refusals"))))
                .check(HOUSE);
    }

    @Test
    void onlyDeliverySends() {
        noClasses().that().resideOutsideOfPackages(ROOT + "delivery..", ROOT + "egress..")
                .should().callMethodWhere(DescribedPredicate.describe("sends",
                        (JavaMethodCall call) -> call.getTargetOwner().getName().equals(ROOT + "egress.Egress")
                                && call.getName().equals("send")))
                .check(HOUSE);
    }

    /** A plan needs the longest URL that egress sends, and a delivery the name of its host. */
    @Test
    void onlyPlansAndDeliveriesKnowEgress() {
        noClasses().that().resideOutsideOfPackages(ROOT + "delivery..", ROOT + "egress..", ROOT + "plan..", ROOT + "run..")
                .should().dependOnClassesThat().haveFullyQualifiedName(ROOT + "egress.Egress").check(HOUSE);
    }

    @Test
    void onlyEgressTouchesTheHttpClient() {
        noClasses().that(not(resideInAPackage(ROOT + "egress..")))
                .should().dependOnClassesThat(DescribedPredicate.describe("an HTTP client",
                        (JavaClass type) -> type.getName().startsWith("io.vertx.core.http.HttpClient")
                                || type.getName().startsWith("java.net.http.")
                                || type.getName().equals("java.net.URLConnection")))
                .check(HOUSE);
    }

    @Test
    void packagesHaveNoCycles() {
        slices().matching("studio.actions.(*)..").should().beFreeOfCycles().check(HOUSE);
    }

    /** A nested class belongs to its top-level class. */
    @Test
    void classesHaveNoCycles() {
        slices().assignedFrom(new SliceAssignment() {
            @Override
            public SliceIdentifier getIdentifierOf(JavaClass type) {
                return SliceIdentifier.of(topLevel(type));
            }

            @Override
            public String getDescription() {
                return "top-level classes";
            }
        }).should().beFreeOfCycles().check(HOUSE);
    }

    private static String topLevel(JavaClass type) {
        return type.getEnclosingClass().map(HouseTest::topLevel).orElse(type.getName());
    }

    @Test
    void packagesHaveAtMostFifteenFiles() throws IOException {
        Map<Path, Long> files = sources().collect(Collectors.groupingBy(Path::getParent, Collectors.counting()));

        assertThat(files).hasSizeGreaterThan(20);
        assertThat(files).allSatisfy((room, count) -> assertThat(count).as(room.toString()).isLessThanOrEqualTo(15));
    }

    @Test
    void filesHaveAtMostFourHundredLines() throws IOException {
        assertThat(sources()).allSatisfy(file -> assertThat(Files.readAllLines(file)).hasSizeLessThanOrEqualTo(400));
    }

    private static Stream<Path> sources() throws IOException {
        return Files.walk(Path.of("src/main/java/studio/actions")).filter(file -> file.toString().endsWith(".java"));
    }

    /** A text that begins as SQL, or holds a parameter or an order of SQL or JPQL. */
    private static final Pattern SQL = Pattern.compile(
            "\"(?:\"\"\\s*)?(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|LISTEN|NOTIFY|COMMIT|CREATE|ALTER|DROP)\\b"
                    + "|\"(?:from|select|update|delete) \\w|\"[^\"\\n]*(?: \\?\\d|= ?:\\w|order by)");

    @Test
    void onlyStoresHoldSql() throws IOException {
        List<String> found = new ArrayList<>();
        for (Path file : sources().toList()) {
            String name = file.getFileName().toString().replace(".java", "");
            if (!name.endsWith("Store") && !STORES.contains(name) && SQL.matcher(Files.readString(file)).find()) {
                found.add(name);
            }
        }
        assertThat(found).isEmpty();
    }

    @Test
    void onlyStoresQueryTheDatabase() {
        noClasses().that(DescribedPredicate.describe("are no stores", (JavaClass type) -> {
            String name = topLevel(type).replaceAll(".*\\.", "");
            return !name.endsWith("Store") && !STORES.contains(name);
        })).should().dependOnClassesThat(DescribedPredicate.describe("query the database",
                (JavaClass type) -> type.getName().startsWith("jakarta.persistence.") && type.getName().endsWith("Query")
                        || type.getName().equals("jakarta.persistence.EntityManager")
                        || type.getName().equals("java.sql.PreparedStatement")))
                .check(HOUSE);
    }

    @Test
    void noRestMethodTakesOrReturnsAnEntity() {
        methods().that().areDeclaredInClassesThat().areAnnotatedWith(jakarta.ws.rs.Path.class).and().arePublic()
                .should(new ArchCondition<>("take and answer no entity") {
                    @Override
                    public void check(JavaMethod method, ConditionEvents events) {
                        boolean entity = method.getReturnType().getAllInvolvedRawTypes().stream()
                                .anyMatch(type -> type.isAnnotatedWith(Entity.class))
                                || method.getRawParameterTypes().stream().anyMatch(type -> type.isAnnotatedWith(Entity.class));
                        events.add(new SimpleConditionEvent(method, !entity, method.getFullName()));
                    }
                }).check(HOUSE);
    }

    @Test
    void noTransactionIsHeldOverAUni() {
        methods().that().areAnnotatedWith(Transactional.class).should().notHaveRawReturnType(Uni.class)
                .allowEmptyShould(true).check(HOUSE);
    }
}
