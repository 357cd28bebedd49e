package studio.actions.kitsu;

import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.UUID;

import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;

import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

import com.fasterxml.jackson.databind.JsonNode;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;

/** What Kitsu itself had of an action that was taken over: saved before it is deleted there, so that it can be put back. */
@Entity
public class KitsuCopy extends PanacheEntityBase {

    /** Spelled as in the database. */
    enum State {
        /** Kitsu is asked to delete it, and has not said that it did. */
        clearing,
        cleared,
        /** Kitsu has it, under {@link #kitsuId}. */
        restored
    }

    /** The action's here. */
    @Id
    public UUID id;
    /** The same until it is put back: Kitsu gives it a new one then. */
    public UUID kitsuId;
    @Enumerated(EnumType.STRING)
    public State state;
    /** As Kitsu had them. */
    @JdbcTypeCode(SqlTypes.JSON)
    public JsonNode fields;
    public Instant savedAt;

    String name() {
        return fields.path("name").asText();
    }

    static List<KitsuCopy> ofKitsu(Collection<UUID> kitsuIds) {
        return kitsuIds.isEmpty() ? List.of() : list("kitsuId in ?1", kitsuIds);
    }

    static List<KitsuCopy> notRestored() {
        return list("state <> ?1 order by savedAt, id", State.restored);
    }
}
