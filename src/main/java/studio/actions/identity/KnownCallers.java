package studio.actions.identity;

import java.util.Optional;
import java.util.function.Function;

import io.vertx.core.http.HttpServerRequest;

/** Who is behind a request, where nobody need be asked for it. */
public interface KnownCallers {

    /**
     * What there is to answer to whoever is known; nobody is refused here. A lookup is counted where there is an answer.
     *
     * @return empty where the caller is not known, or there is no such answer: then the request is to be authenticated
     */
    <T> Optional<T> answer(HttpServerRequest request, Function<Caller, Optional<T>> answer);
}
