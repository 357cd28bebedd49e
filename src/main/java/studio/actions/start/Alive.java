package studio.actions.start;

import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

import io.vertx.ext.web.Router;

/**
 * A path that always answers 204. Kitsu's nginx requests it before each login: with an answer, the login goes to this service,
 * else to Zou. It uses no other system and no worker thread, so that a busy process answers, too; a hung process does not.
 */
@Singleton
class Alive {

    static final String PATH = "/api/custom-actions/alive";

    void answer(@Observes Router router) {
        router.get(PATH).order(0).handler(request -> request.response().setStatusCode(204).end());
    }
}
