package studio.actions.start;

import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

import io.vertx.ext.web.Router;

/**
 * Tells Kitsu's nginx before each login that this process answers (204). It asks nobody and uses no worker thread: a process
 * that has stopped must not look like one that is busy.
 */
@Singleton
class Alive {

    static final String PATH = "/api/custom-actions/alive";

    void answer(@Observes Router router) {
        router.get(PATH).order(0).handler(request -> request.response().setStatusCode(204).end());
    }
}
