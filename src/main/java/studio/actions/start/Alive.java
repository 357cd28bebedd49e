package studio.actions.start;

import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

import io.vertx.ext.web.Router;

/**
 * The path that Kitsu's nginx requests before each login; answers 204. It contacts no other system and uses no worker thread,
 * so that a stopped process can be distinguished from a busy one.
 */
@Singleton
class Alive {

    static final String PATH = "/api/custom-actions/alive";

    void answer(@Observes Router router) {
        router.get(PATH).order(0).handler(request -> request.response().setStatusCode(204).end());
    }
}
