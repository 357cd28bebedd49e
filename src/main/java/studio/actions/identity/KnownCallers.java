package studio.actions.identity;

import java.util.Optional;
import java.util.function.Function;

import io.vertx.core.http.HttpServerRequest;

/** The callers that can be identified without a request to Kitsu. */
public interface KnownCallers {

    /**
     * Answers a request if its caller is known. Never refuses a request, and counts a cache hit only if there is an answer.
     *
     * @param answer returns the answer for a caller; empty if there is none
     * @return the answer; empty if the caller is not known or {@code answer} has none: then the request must be authenticated
     */
    <T> Optional<T> answer(HttpServerRequest request, Function<Caller, Optional<T>> answer);
}
