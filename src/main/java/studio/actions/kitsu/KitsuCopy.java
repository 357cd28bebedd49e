package studio.actions.kitsu;

import java.time.Instant;
import java.util.UUID;

import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;

import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

import com.fasterxml.jackson.databind.JsonNode;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;

/**
 * Kitsu's own copy of an action that this service has taken over. This service saves the copy before Kitsu deletes it, so that
 * it can be restored in Kitsu.
 */
@Entity
public class KitsuCopy extends PanacheEntityBase {

    /** The state of a copy; constants are spelled as in the database. */
    enum State {
        /** Kitsu was asked to delete the copy and has not confirmed it. */
        clearing,
        cleared,
        /** Kitsu has the action again, under {@link #kitsuId}. */
        restored
    }

    /** The action's id in this service. */
    @Id
    public UUID id;
    /** The action's id in Kitsu. Equal to {@link #id} until the action is restored, because Kitsu then assigns a new id. */
    public UUID kitsuId;
    @Enumerated(EnumType.STRING)
    public State state;
    /** The fields of the action as Kitsu had them. */
    @JdbcTypeCode(SqlTypes.JSON)
    public JsonNode fields;
    public Instant savedAt;

    String name() {
        return fields.path("name").asText();
    }
}
