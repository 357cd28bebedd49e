package studio.actions.run;

import java.time.Duration;
import java.util.Set;
import java.util.UUID;

import jakarta.inject.Singleton;

import io.smallrye.mutiny.Uni;
import studio.actions.identity.Caller;
import studio.actions.identity.Requester;
import studio.actions.identity.Role;
import studio.actions.zou.ProjectRoles;

/** Who sees which runs, and how much of them. */
@Singleton
public class RunAccess {

    /**
     * What one caller sees.
     *
     * @param all admins see all of every run
     * @param productions for managers and supervisors, those whose runs they see as well as their own
     */
    public record Access(UUID caller, boolean all, Set<UUID> productions) {

        /** Whether the caller sees the run at all. */
        boolean sees(Run run) {
            return run.callerId.equals(caller) || seesRequests(run);
        }

        /** Whether the caller sees URLs, attempts and answers: they tell what the pipeline of a production looks like. */
        boolean seesRequests(Run run) {
            return all || productions.containsAll(run.productionIds);
        }

        /** For runs that are shown only to the person who pressed, and to them without requests. */
        static Access own(Caller caller) {
            return new Access(caller.id(), caller.is(Role.admin), Set.of());
        }
    }

    private final ProjectRoles roles;

    /** The longest wait of a caller whose own run is at stake. */
    private static final Duration SOON = Duration.ofSeconds(2);

    RunAccess(ProjectRoles roles) {
        this.roles = roles;
    }

    /**
     * Asks Kitsu, if it matters.
     *
     * @return fails with {@code unavailable} if Kitsu does not answer
     */
    Uni<Access> of(Requester requester) {
        Caller caller = requester.caller();
        return caller.is(Role.manager) || caller.is(Role.supervisor)
                ? roles.inside(requester.credential(), caller).map(inside -> new Access(caller.id(), false, inside))
                : Uni.createFrom().item(Access.own(caller));
    }

    /** Does the same, but falls back to the caller's own runs without requests if Kitsu does not answer soon. */
    Uni<Access> soon(Requester requester) {
        return of(requester).ifNoItem().after(SOON).fail().onFailure().recoverWithItem(() -> Access.own(requester.caller()));
    }
}
