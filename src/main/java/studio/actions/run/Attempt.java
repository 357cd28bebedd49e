package studio.actions.run;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;

import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import studio.actions.egress.FailureKind;

/** An attempt after which its delivery became pending again. The final attempt is saved in its {@link Delivery} only. */
@Entity
public class Attempt extends PanacheEntityBase {

    /** Copies the latest attempts of deliveries into this table, before the next attempts overwrite them. */
    static final String KEEP = """
            INSERT INTO attempt (id, delivery_id, number, ended_at, status, duration_ms, failure_kind, failure_message)
            SELECT gen_random_uuid(), id, attempts, now(), status, duration_ms, failure_kind, failure_message
              FROM delivery WHERE id = ANY (?)""";

    @Id
    public UUID id;
    public UUID deliveryId;
    public int number;
    public Instant endedAt;
    public Integer status;
    public Integer durationMs;
    @Enumerated(EnumType.STRING)
    public FailureKind failureKind;
    public String failureMessage;

    static Map<UUID, List<Attempt>> of(List<Delivery> deliveries) {
        List<UUID> several = deliveries.stream().filter(one -> one.attempts > 1 || one.attempts == 1
                && (one.state == Delivery.State.pending || one.state == Delivery.State.cancelled))
                .map(one -> one.id).toList();
        return several.isEmpty() ? Map.of()
                : Attempt.<Attempt> list("deliveryId in ?1 order by number", several).stream()
                        .collect(Collectors.groupingBy(attempt -> attempt.deliveryId));
    }
}
