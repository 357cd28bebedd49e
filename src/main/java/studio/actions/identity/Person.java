package studio.actions.identity;

import java.util.UUID;

/** The JSON of a person who did something. */
public record Person(UUID id, String name, String email, Role role) {
}
