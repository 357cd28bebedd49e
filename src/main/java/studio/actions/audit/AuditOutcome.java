package studio.actions.audit;

import java.util.Map;
import java.util.UUID;

import jakarta.persistence.Entity;
import jakarta.persistence.Id;

import org.hibernate.annotations.Immutable;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;

/** How the run of an audit entry ended. It is kept as long as the entry; the run may be removed earlier. */
@Entity
@Immutable
public class AuditOutcome extends PanacheEntityBase {

    @Id
    public UUID runId;
    /** The run's last state. */
    public String result;
    /** Number of deliveries by their last state. */
    @JdbcTypeCode(SqlTypes.JSON)
    public Map<String, Object> detail;
}
