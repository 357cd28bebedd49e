package studio.actions.run;

import java.time.Instant;
import java.util.UUID;

import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import studio.actions.egress.FailureKind;

/**
 * A failed attempt at a delivery after which another attempt was planned. The result of the last attempt is saved in
 * {@link Delivery} only.
 */
@Entity
public class Attempt extends PanacheEntityBase {

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
}
