package studio.actions.draft;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;

import jakarta.inject.Singleton;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;

import studio.actions.identity.Caller;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;
import studio.actions.secret.Secrets;

/**
 * Checks what admins type into the editor, and keeps for a day what they did not save: Kitsu discards a frame at any click in
 * its menu, so the editor offers the text on return. It is kept in the memory of this replica only: a restart loses it, and
 * other replicas do not have it.
 */
@Singleton
public class TypedDrafts {

    /** The most characters that are kept for all admins together. */
    private static final long MOST = 8 * 1024 * 1024;

    private record Key(UUID caller, UUID action) {
    }

    /**
     * A draft that was typed and not saved.
     *
     * @param version the action's version on which it is based; null for a new action
     */
    public record Unsaved(TypedDraft typed, Integer version, Instant at) {

        private int length() {
            return 100 + typed.fields().values().stream().flatMap(List::stream).mapToInt(String::length).sum();
        }
    }

    private final ActionRules rules;
    private final Secrets secrets;
    private final Set<String> programs = new TreeSet<>();
    private final Clock clock;
    private final Cache<Key, Unsaved> kept = Caffeine.newBuilder().expireAfterWrite(Duration.ofDays(1)).maximumWeight(MOST)
            .weigher((Key key, Unsaved draft) -> draft.length()).build();

    TypedDrafts(ActionRules rules, Secrets secrets, LaunchConfig launch, Clock clock) {
        this.rules = rules;
        this.secrets = secrets;
        this.clock = clock;
        launch.schemes().forEach(scheme -> programs.add(scheme.strip().toLowerCase(Locale.ROOT)));
        programs.removeAll(Set.of("http", "https"));
    }

    /** Returns a draft with the defaults of all other fields. */
    public Draft filled(Draft draft) {
        return rules.fill(draft);
    }

    /** Returns all errors of a typed draft: texts that are no values, and values that the rules refuse. */
    public List<Fault> check(TypedDraft typed, Caller caller) {
        List<Fault> faults = new ArrayList<>();
        Draft draft = typed.read(faults);
        try {
            rules.settle(draft, "", caller);
        } catch (ProblemException refused) {
            faults.addAll(refused.errors());
        }
        return faults;
    }

    /** Returns the names of the configured secrets. */
    public List<String> secrets() {
        return secrets.names();
    }

    /** Returns the URL schemes of desktop programs that an action may open. */
    public Set<String> programs() {
        return programs;
    }

    /**
     * Keeps a draft, with credentials masked.
     *
     * @param action the action's id; null for a new action
     * @param faults the errors of the draft
     */
    public void keep(UUID caller, UUID action, TypedDraft typed, Integer version, List<Fault> faults) {
        kept.put(new Key(caller, action), new Unsaved(typed.masked(faults), version, clock.instant()));
    }

    public Optional<Unsaved> find(UUID caller, UUID action) {
        return Optional.ofNullable(kept.getIfPresent(new Key(caller, action)));
    }

    public void forget(UUID caller, UUID action) {
        kept.invalidate(new Key(caller, action));
    }
}
