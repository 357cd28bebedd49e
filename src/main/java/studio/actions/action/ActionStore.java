package studio.actions.action;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;

import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.LockModeType;

import org.hibernate.StatelessSession;

import studio.actions.action.TakenNames.Label;
import studio.actions.draft.EntityType;

/** Reads, locks and writes actions and their versions in PostgreSQL. */
@Singleton
public class ActionStore {

    private final StatelessSession rows;

    ActionStore(StatelessSession rows) {
        this.rows = rows;
    }

    /**
     * Returns all actions, ordered by name. Uses a stateless session, because an ordinary Hibernate session would keep every
     * action in memory.
     */
    public List<Action> all() {
        return rows.createSelectionQuery("from Action order by lower(name), name, id", Action.class)
                .setReadOnly(true).getResultList();
    }

    /**
     * Returns the ids of the actions that follow the given name and id in the order of {@link #all}. The database compares the
     * names, because Java would not order them by the database's collation.
     */
    Set<UUID> after(String name, UUID id) {
        return Set.copyOf(rows.createSelectionQuery("""
                select id from Action where lower(name) > lower(:name) or lower(name) = lower(:name)
                and (name > :name or name = :name and id > :id)""", UUID.class)
                .setParameter("name", name).setParameter("id", id).getResultList());
    }

    /**
     * Returns some fields of all actions, as one array for each action, in no order. Does not read whole actions, because most
     * of their fields are not needed.
     *
     * @param fields the names of two or more fields of {@link Action}
     */
    public List<Object[]> fields(List<String> fields) {
        return rows.createSelectionQuery("select " + String.join(", ", fields) + " from Action", Object[].class)
                .getResultList();
    }

    /** Returns the names and entity types of all actions, as the open transaction sees them. */
    List<Label> labels() {
        return session().createQuery("select id, name, entityType from Action", Object[].class).getResultStream()
                .map(row -> new Label((UUID) row[0], (String) row[1], (EntityType) row[2])).toList();
    }

    /** Returns the given ids that belong to stored actions. */
    Set<UUID> known(Collection<UUID> ids) {
        return ids.isEmpty() ? Set.of()
                : Action.<Action> list("id in ?1", ids).stream().map(action -> action.id).collect(Collectors.toSet());
    }

    /** Returns the action, locked until the transaction ends, so that two writers do not overwrite each other unnoticed. */
    Optional<Action> locked(UUID id) {
        return Action.findByIdOptional(id, LockModeType.PESSIMISTIC_WRITE);
    }

    /**
     * Locks the action table until the transaction ends. Other calls of this method do not wait; {@link #lockOutOthers} waits.
     */
    void lock() {
        lock("ROW EXCLUSIVE");
    }

    /** Locks the action table until the transaction ends, so that all other writers wait. */
    void lockOutOthers() {
        lock("SHARE ROW EXCLUSIVE");
    }

    private static void lock(String mode) {
        session().createNativeQuery("LOCK TABLE action IN " + mode + " MODE").executeUpdate();
    }

    /** Returns the id of the open transaction. If the transaction changes actions, PostgreSQL sends this id to all replicas. */
    String transaction() {
        return (String) session().createNativeQuery("SELECT pg_current_xact_id()::text", String.class).getSingleResult();
    }

    /** Inserts entities as one batch. */
    void insert(List<?> entities) {
        rows.insertMultiple(entities);
    }

    /** Updates entities as one batch. */
    void update(List<?> entities) {
        rows.updateMultiple(entities);
    }

    Optional<ActionVersion> version(UUID action, int version) {
        return ActionVersion.find("actionId = ?1 and version = ?2", action, version).firstResultOptional();
    }

    /**
     * Returns one version for each position n of the two lists: of the n-th action, the version with the n-th number. Leaves
     * out versions that were not saved.
     */
    @SuppressWarnings("unchecked")
    List<ActionVersion> versions(List<UUID> actions, List<Integer> versions) {
        return actions.isEmpty() ? List.of()
                : session().createNativeQuery("""
                        SELECT v.* FROM unnest(:actions, :versions) AS shown (action_id, version)
                          JOIN action_version v USING (action_id, version)""", ActionVersion.class)
                        .setParameter("actions", actions.toArray(UUID[]::new))
                        .setParameter("versions", versions.toArray(Integer[]::new)).getResultList();
    }

    /** Returns at most {@code most} versions of an action with a lower number than {@code version}, newest first. */
    List<ActionVersion> versionsBefore(UUID action, int version, int most) {
        return ActionVersion.<ActionVersion> find("actionId = ?1 and version < ?2 order by version desc", action, version)
                .page(0, most).list();
    }

    Optional<ActionVersion> lastVersion(UUID action) {
        return ActionVersion.find("actionId = ?1 order by version desc", action).firstResultOptional();
    }

    /** Returns the last versions of the actions that were deleted last, at most {@code most}. Leaves out restored actions. */
    List<ActionVersion> deleted(int most) {
        return ActionVersion.<ActionVersion> find("""
                from ActionVersion v where v.verb = deleted and not exists (select 1 from Action a where a.id = v.actionId)
                and not exists (select 1 from ActionVersion n where n.actionId = v.actionId and n.version > v.version)
                order by v.at desc, v.id""").page(0, most).list();
    }

    /** Returns the highest version number of each action, by action id. Leaves out actions without a saved version. */
    @SuppressWarnings("unchecked")
    Map<UUID, Integer> lastVersions(Collection<UUID> actions) {
        List<Object[]> found = session().createNativeQuery("""
                SELECT action_id, max(version) FROM action_version WHERE action_id = ANY (:actions) GROUP BY action_id""",
                Object[].class).setParameter("actions", actions.toArray(UUID[]::new)).getResultList();
        return found.stream().collect(Collectors.toMap(row -> (UUID) row[0], row -> (Integer) row[1]));
    }

    private static EntityManager session() {
        return Action.getEntityManager();
    }
}
