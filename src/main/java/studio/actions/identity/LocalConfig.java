package studio.actions.identity;

import java.util.Optional;

import io.smallrye.config.ConfigMapping;

/** Settings of authentication without Kitsu. */
@ConfigMapping(prefix = "custom-actions.local")
public interface LocalConfig {

    /**
     * The admin's token without Kitsu; never accepted once {@code zou.url} is set. Unset = every start makes a random token and
     * prints it.
     */
    Optional<String> token();
}
