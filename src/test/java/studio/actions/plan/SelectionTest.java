package studio.actions.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;
import studio.actions.run.Target;

class SelectionTest {

    private static final int LIMIT = 3;

    private static final UUID A = UUID.randomUUID();
    private static final UUID B = UUID.randomUUID();
    private static final UUID C = UUID.randomUUID();

    @Test
    void keepsTheOrderOfTasksAndDropsDuplicates() {
        assertThat(Selection.of(List.of(B, A, B), null, LIMIT).targets()).containsExactly(Target.task(B), Target.task(A));
    }

    @Test
    void keepsTheOrderOfTargetsAndDropsDuplicates() {
        assertThat(Selection.of(null, List.of(shot(B), shot(A), shot(B)), LIMIT).targets()).containsExactly(shot(B), shot(A));
    }

    @Test
    void keepsSeveralTasksOfOneEntity() {
        Target lighting = Target.task(B).withEntity(A, Target.Kind.shot);
        Target layout = Target.task(C).withEntity(A, Target.Kind.shot);

        assertThat(Selection.of(null, List.of(lighting, layout), LIMIT).targets()).containsExactly(lighting, layout);
    }

    @Test
    void acceptsAsManyAsTheLimit() {
        assertThat(Selection.of(List.of(A, B, C), null, LIMIT).targets()).hasSize(3);
        assertThat(refused(List.of(A, B, C, A), null)).containsExactly(new Found("/selection", "too_many"));
        assertThat(refused(null, Collections.nCopies(4, shot(A)))).containsExactly(new Found("/targets", "too_many"));
    }

    @Test
    void refusesAnEmptySelection() {
        assertThat(refused(List.of(), null)).containsExactly(new Found("/selection", "empty_selection"));
        assertThat(refused(null, List.of())).containsExactly(new Found("/targets", "empty_selection"));
    }

    @Test
    void requiresEitherTasksOrTargets() {
        assertThat(refused(null, null)).containsExactly(new Found("/targets", "selection_or_targets"));
        assertThat(refused(List.of(A), List.of(shot(A)))).containsExactly(new Found("/targets", "selection_or_targets"));
        assertThat(refused(List.of(), List.of())).containsExactly(new Found("/targets", "selection_or_targets"));
    }

    @Test
    void reportsEveryTargetWithoutAnId() {
        Target empty = new Target(null, Target.Kind.shot, null, null, "SH010", null, null, null, null, null);

        assertThat(refused(null, List.of(empty, shot(A), empty))).containsExactly(new Found("/targets/0", "empty_target"),
                new Found("/targets/2", "empty_target"));
    }

    @Test
    void acceptsATargetWithOneId() {
        List<Target> targets = List.of(shot(A), Target.task(A),
                Target.NONE.withProduction(A));

        assertThat(Selection.of(null, targets, LIMIT).targets()).isEqualTo(targets);
    }

    static Stream<Function<String, Target>> named() {
        return Stream.of(
                name -> new Target(A, null, null, null, name, null, null, null, null, null),
                name -> new Target(A, null, null, null, null, name, null, null, null, null),
                name -> new Target(A, null, null, null, null, null, name, null, null, null),
                name -> new Target(A, null, null, null, null, null, null, name, null, null),
                name -> new Target(A, null, null, null, null, null, null, null, name, null),
                name -> new Target(A, null, null, null, null, null, null, null, null, name));
    }

    @ParameterizedTest
    @MethodSource("named")
    void acceptsNamesOfUpToTwoThousandCharacters(Function<String, Target> named) {
        assertThat(Selection.of(null, List.of(named.apply("x".repeat(2000))), LIMIT).targets()).hasSize(1);
        assertThat(refused(null, List.of(shot(A), named.apply("x".repeat(2001)))))
                .containsExactly(new Found("/targets/1", "too_long"));
    }

    @Test
    void isUnmodifiable() {
        assertThat(Selection.of(List.of(A), null, LIMIT).targets()).isUnmodifiable();
    }

    private record Found(String pointer, String code) {

        static Found of(Fault fault) {
            return new Found(fault.pointer(), fault.code());
        }
    }

    private static List<Found> refused(List<UUID> tasks, List<Target> targets) {
        ProblemException refusal = catchThrowableOfType(ProblemException.class, () -> Selection.of(tasks, targets, LIMIT));
        assertThat(refusal).isNotNull();
        return refusal.errors().stream().map(Found::of).toList();
    }

    private static Target shot(UUID entity) {
        return Target.NONE.withEntity(entity, Target.Kind.shot);
    }
}
