package studio.actions.start;

import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

import io.vertx.ext.web.Router;

/**
 * A path that answers 204. Kitsu's nginx requests it before it sends a login to this service, and sends the login to Zou if
 * there is no answer. Uses no other system and no worker thread, so that a busy process answers as well; a hung one does not.
 */
@Singleton
class Alive {

    static final String PATH = "/api/custom-actions/alive";

    void answer(@Observes Router router) {
        router.get(PATH).order(0).handler(request -> request.response().setStatusCode(204).end());
    }
}
