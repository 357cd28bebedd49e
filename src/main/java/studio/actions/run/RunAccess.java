package studio.actions.run;

import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

import jakarta.inject.Singleton;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.smallrye.mutiny.Uni;
import studio.actions.identity.Caller;
import studio.actions.identity.Requester;
import studio.actions.identity.Role;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.zou.ProjectRoles;

/** Decides which runs a caller may see, and with which details. */
@Singleton
public class RunAccess {

    /**
     * The runs that one caller may see.
     *
     * @param all true if the caller sees every run with all details, as admins do
     * @param productions the productions whose runs a manager or supervisor sees in addition to their own runs
     */
    public record Access(UUID caller, boolean all, Set<UUID> productions) {

        /** @throws ProblemException {@code not_found} if there is no such run, or the caller may not see it */
        public Run find(UUID id) {
            Optional<Run> found = Run.findByIdOptional(id);
            return found.filter(this::sees)
                    .orElseThrow(() -> new ProblemException(found.isPresent() ? Code.HIDDEN : Code.NOT_FOUND,
                            "There is no run " + id + ", or you may not see it."));
        }

        /**
         * Returns a run that the caller may cancel and replay.
         *
         * @throws ProblemException {@code not_found} like {@link #find}, {@code forbidden} if it is another person's run and
         *         the caller is no admin
         */
        public Run findOwn(UUID id, Caller caller) {
            Run run = QuarkusTransaction.requiringNew().call(() -> find(id));
            if (!run.belongsTo(caller)) {
                throw new ProblemException(Code.FORBIDDEN,
                        "To cancel or replay another person's run, you need the role admin. Your role is " + caller.role()
                                + ".");
            }
            return run;
        }

        /** Returns true if the caller may see the run, at least in part. */
        private boolean sees(Run run) {
            return run.callerId.equals(caller) || seesRequests(run);
        }

        /** Returns true if the caller may see URLs, attempts and answers of receivers. They reveal how a pipeline is built. */
        public boolean seesRequests(Run run) {
            return all || productions.containsAll(run.productionIds);
        }

        /** Returns access to the caller's own runs without URLs, attempts and answers. An admin sees all runs in full. */
        public static Access own(Caller caller) {
            return new Access(caller.id(), caller.is(Role.admin), Set.of());
        }
    }

    private final ProjectRoles roles;

    /**
     * The longest time that a press, cancel or replay waits until Kitsu names the caller's productions. After that, the
     * response shows the run without URLs, attempts and receivers' answers.
     */
    private static final Duration SOON = Duration.ofSeconds(2);

    RunAccess(ProjectRoles roles) {
        this.roles = roles;
    }

    /**
     * Returns which runs the caller may see. Asks Kitsu for the productions of managers and supervisors only.
     *
     * @return fails with {@code unavailable} if Kitsu does not answer
     */
    public Uni<Access> of(Requester requester) {
        Caller caller = requester.caller();
        return caller.is(Role.manager) || caller.is(Role.supervisor)
                ? roles.inside(requester.credential(), caller).map(inside -> new Access(caller.id(), false, inside))
                : Uni.createFrom().item(Access.own(caller));
    }

    /**
     * Returns which runs the caller may see. Falls back to {@link Access#own} if Kitsu fails or takes longer than two seconds.
     */
    public Uni<Access> soon(Requester requester) {
        return of(requester).ifNoItem().after(SOON).fail().onFailure().recoverWithItem(() -> Access.own(requester.caller()));
    }
}
