package studio.actions.press;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.action.Action;
import studio.actions.action.Actions;
import studio.actions.database.DatabaseHealth;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.run.Run;
import studio.actions.run.RunStore;
import studio.actions.statistics.RunMetrics;

/**
 * Saves presses in Kitsu that were refused before a run began, as runs in state {@code refused}. Kitsu's page does not show the
 * answer to a press, so the list of runs is the only place where the person finds the reason. Saves at most one run a minute
 * for each person, action and reason. Saves nothing if none of the person's roles allows the action, which may be disabled or
 * deleted.
 */
@Singleton
class RefusedPresses {

    private static final Logger LOG = Logger.getLogger(RefusedPresses.class);

    private final Actions actions;
    private final RunMetrics metrics;
    private final Executor workers = Infrastructure.getDefaultWorkerPool();

    RefusedPresses(Actions actions, RunMetrics metrics) {
        this.actions = actions;
        this.metrics = metrics;
    }

    /**
     * Returns the result of {@code press}. If {@code press} fails with a problem, saves the refusal and then fails with the
     * same problem.
     */
    <T> Uni<T> keeping(Caller caller, UUID action, Supplier<Uni<T>> press) {
        return Uni.createFrom().<T> deferred(() -> press.get()).onFailure(ProblemException.class)
                .call(refusal -> Uni.createFrom().voidItem().emitOn(workers)
                        .invoke(() -> keep(caller, action, (ProblemException) refusal)));
    }

    void keep(Caller caller, UUID action, ProblemException refusal) {
        if (refusal.code().status == 401 || refusal.code() == Code.MALFORMED_TOKEN) {
            // The credential is invalid, so it is not known who pressed.
            return;
        }
        try {
            QuarkusTransaction.requiringNew().call(() -> write(caller, action, refusal))
                    .ifPresent(code -> metrics.refusedPress(code));
        } catch (RuntimeException e) {
            LOG.warnf("Cannot save a refused press (%s); the list of runs will not show it.", DatabaseHealth.reason(e));
        }
    }

    /**
     * Saves a refused press as a run.
     *
     * @return the run's problem code; empty if nothing was saved: the action never existed, the person may not see it, or an
     *         equal refusal was saved in the last minute
     */
    private Optional<Code> write(Caller caller, UUID id, ProblemException refusal) {
        Optional<Action> present = Action.findByIdOptional(id);
        Action action = present.or(() -> actions.deleted(id, caller)).orElse(null);
        if (action == null || !caller.is(Role.admin) && caller.roles().stream().noneMatch(action::allows)) {
            return Optional.empty();
        }
        Code code = present.isEmpty() ? Code.NOT_FOUND : !action.enabled ? Code.ACTION_DISABLED : refusal.code();
        String message = present.isEmpty() ? "This action was deleted. Reload Kitsu to see the current actions."
                : !action.enabled ? "This action is disabled. Ask an admin to enable it."
                        : refusal.getMessage();
        Run run = Run.of(action, caller);
        run.fingerprint = "refused " + id + " " + code;
        if (PressStore.refusedLately(run)) {
            return Optional.empty();
        }
        run.state = Run.State.refused;
        run.headers = Map.of();
        run.productionIds = List.of(Run.UNKNOWN_PRODUCTION);
        run.refusalCode = code.wire();
        run.refusalMessage = message;
        run.createdAt = RunStore.now();
        run.finishedAt = run.createdAt;
        run.persist();
        return Optional.of(code);
    }
}
