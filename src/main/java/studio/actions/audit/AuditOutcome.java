package studio.actions.audit;

import java.util.Collection;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;

import jakarta.persistence.Entity;
import jakarta.persistence.Id;

import org.hibernate.annotations.Immutable;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;

/** What became of a run that an entry tells of: it is kept as long as the entry, and the run is not. */
@Entity
@Immutable
public class AuditOutcome extends PanacheEntityBase {

    @Id
    public UUID runId;
    /** The run's last state. */
    public String result;
    /** Deliveries by their last state. */
    @JdbcTypeCode(SqlTypes.JSON)
    public Map<String, Object> detail;

    /** Of those of the runs that have ended. */
    static Map<UUID, AuditOutcome> of(Collection<UUID> runs) {
        return runs.isEmpty() ? Map.of()
                : AuditOutcome.<AuditOutcome> list("runId in ?1", runs).stream()
                        .collect(Collectors.toMap(outcome -> outcome.runId, Function.identity()));
    }
}
