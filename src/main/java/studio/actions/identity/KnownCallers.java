package studio.actions.identity;

import java.util.Optional;
import java.util.function.Function;

import io.vertx.core.http.HttpServerRequest;

/** The callers that can be identified without a request to Kitsu. */
public interface KnownCallers {

    /**
     * Answers the request of a known caller. Refuses nobody, and counts a lookup only if there is an answer.
     *
     * @param answer returns the answer for a caller; empty if there is none
     * @return the answer; empty if the caller is not known or there is no answer: then the request must be authenticated
     */
    <T> Optional<T> answer(HttpServerRequest request, Function<Caller, Optional<T>> answer);
}
