package studio.actions.identity;

import java.util.UUID;

/** The JSON of a person, such as a run's caller. */
public record Person(UUID id, String name, String email, Role role) {
}
