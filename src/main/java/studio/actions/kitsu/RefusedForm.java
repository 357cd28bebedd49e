package studio.actions.kitsu;

import java.time.Instant;
import java.util.UUID;

import jakarta.persistence.Entity;
import jakarta.persistence.Id;

import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

import com.fasterxml.jackson.databind.JsonNode;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;

/** An admin's input in Kitsu's form, and the reason why it was refused. */
@Entity
public class RefusedForm extends PanacheEntityBase {

    @Id
    public UUID id;
    public UUID callerId;
    /** The id of the action to change; null for a new action. */
    public UUID actionId;
    public Instant at;
    /** The fields of Kitsu's form as typed, with credentials masked. */
    @JdbcTypeCode(SqlTypes.JSON)
    public JsonNode fields;
    public String code;
    public String message;
    /** The wrong fields, as in the problem sent to the client; null if no field was wrong. */
    @JdbcTypeCode(SqlTypes.JSON)
    public JsonNode errors;
}
