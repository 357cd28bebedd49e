package studio.actions;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static java.util.Map.entry;

import java.util.List;
import java.util.Map;

import jakarta.persistence.Entity;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;

import io.smallrye.mutiny.Uni;

/** The architecture rules: which package may import which other package. */
class HouseTest {

    private static final String ROOT = "studio.actions.";

    private static final JavaClasses HOUSE = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests()).importPackages("studio.actions");

    /**
     * Maps each package to the packages that it may import. All packages may import {@code problem} and {@code log}.
     * {@code start} wires the service together; no package may import it.
     */
    private static final Map<String, List<String>> MAY_IMPORT = Map.ofEntries(
            entry("kitsu", List.of("run", "transfer", "action", "draft", "template", "zou", "identity", "audit", "html")),
            entry("run", List.of("action", "draft", "secret", "template", "egress", "zou", "identity", "audit", "database")),
            entry("transfer", List.of("action", "draft", "template", "identity", "audit", "csv")),
            entry("action", List.of("draft", "template", "identity", "audit", "database")),
            entry("draft", List.of("secret", "template", "identity", "egress")),
            entry("secret", List.of()),
            entry("zou", List.of("identity")),
            entry("audit", List.of("identity", "csv")),
            entry("csv", List.of()),
            entry("template", List.of()),
            entry("egress", List.of()),
            entry("identity", List.of()),
            entry("problem", List.of("html")),
            entry("html", List.of()),
            entry("log", List.of()),
            entry("database", List.of()),
            entry("start", List.of("kitsu", "run", "transfer", "action", "draft", "secret", "template", "egress", "zou",
                    "identity", "audit", "database")));

    @ParameterizedTest
    @ValueSource(
            strings = { "kitsu", "run", "transfer", "action", "draft", "secret", "zou", "audit", "csv", "template", "egress", "identity", "problem", "html",
                    "log",
                    "database", "start" })
    void importsOnlyWhatTheDesignAllows(String room) {
        List<String> forbidden = MAY_IMPORT.keySet().stream()
                .filter(other -> !List.of(room, "problem", "log").contains(other) && !MAY_IMPORT.get(room).contains(other))
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
    void actionsUseOnlyThePolicyAndRefusalsOfEgress() {
        noClasses().that().resideInAnyPackage(ROOT + "action..", ROOT + "draft..").should().dependOnClassesThat(
                resideInAPackage(ROOT + "egress..").and(DescribedPredicate.describe("more than the guard",
                        (JavaClass type) -> !type.getName().startsWith(ROOT + "egress.AddressPolicy")
                                && !type.getName().startsWith(ROOT + "egress.Refusals"))))
                .check(HOUSE);
    }

    @Test
    void onlyRunsSendDeliveries() {
        noClasses().that().resideOutsideOfPackages(ROOT + "run..", ROOT + "egress..")
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

    @Test
    void noRestMethodTakesOrReturnsAnEntity() {
        methods().that().areDeclaredInClassesThat().areAnnotatedWith(Path.class).and().arePublic()
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
