package bare;

import java.util.UUID;

import jakarta.persistence.Entity;
import jakarta.persistence.Id;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;

/** One table. */
@Entity
public class Thing extends PanacheEntityBase {

    @Id
    public UUID id;
    public String name;
}
