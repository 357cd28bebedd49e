package studio.actions.identity;

import java.util.Optional;
import java.util.function.Function;

import io.vertx.core.http.HttpServerRequest;

/**
 * The callers that can be identified without a request to Kitsu: cached callers or, if {@code zou.url} is not set, the local
 * admin.
 */
public interface KnownCallers {

    /**
     * Answers a request if its caller can be identified without a request to Kitsu. Never refuses a request. Counts a cache hit
     * only if there is an answer.
     *
     * @param answer returns the answer for a caller; empty if there is none
     * @return the answer; empty if the caller is not identified or {@code answer} has none. The request must then be
     *         authenticated
     */
    <T> Optional<T> answer(HttpServerRequest request, Function<Caller, Optional<T>> answer);
}
