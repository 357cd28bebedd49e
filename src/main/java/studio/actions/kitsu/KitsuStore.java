package studio.actions.kitsu;

import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.UUID;

import io.quarkus.hibernate.orm.panache.Panache;
import studio.actions.kitsu.KitsuCopy.State;

/** The queries for {@link KitsuCopy} and {@link RefusedForm}. The calling method must open the transaction. */
final class KitsuStore {

    private KitsuStore() {
    }

    static List<KitsuCopy> copies(Collection<UUID> kitsuIds) {
        return kitsuIds.isEmpty() ? List.of() : KitsuCopy.list("kitsuId in ?1", kitsuIds);
    }

    static List<KitsuCopy> notRestored() {
        return KitsuCopy.list("state <> ?1 order by savedAt, id", State.restored);
    }

    /** Inserts a copy, or overwrites it. */
    static void save(KitsuCopy copy) {
        Panache.getEntityManager().merge(copy);
    }

    /** Takes or renews the lease on deleting or restoring actions in Kitsu. Returns false if another holder has it. */
    static boolean takeTurn(UUID holder, Duration lease) {
        return Panache.getEntityManager().createNativeQuery("""
                UPDATE kitsu_copy_turn SET holder = :holder, until = clock_timestamp() + make_interval(secs => :seconds)
                 WHERE holder = :holder OR until < clock_timestamp()""").setParameter("holder", holder)
                .setParameter("seconds", (double) lease.toSeconds()).executeUpdate() > 0;
    }

    static void endTurn(UUID holder) {
        Panache.getEntityManager().createNativeQuery("UPDATE kitsu_copy_turn SET until = '-infinity' WHERE holder = :holder")
                .setParameter("holder", holder).executeUpdate();
    }

    /** Returns the refused forms of a caller, newest first. */
    static List<RefusedForm> forms(UUID caller, Instant since, int most) {
        return RefusedForm.<RefusedForm> find("callerId = ?1 and at > ?2 order by at desc, id", caller, since).page(0, most)
                .list();
    }

    static void deleteForms(List<UUID> ids) {
        RefusedForm.delete("id in ?1", ids);
    }

    static void deleteForms(Instant until) {
        RefusedForm.delete("at <= ?1", until);
    }
}
