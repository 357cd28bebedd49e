package studio.actions.zou;

import java.util.UUID;
import java.util.concurrent.CompletableFuture;

import jakarta.inject.Singleton;

import io.quarkus.cache.Cache;
import io.quarkus.cache.CacheName;
import io.quarkus.cache.CaffeineCache;

/**
 * A cache, for a minute, of names in Kitsu: of productions, sequences, episodes and types. It never decides who may see an
 * object.
 */
@Singleton
class ZouNames {

    private record Key(String collection, UUID id) {
    }

    private final CaffeineCache known;

    ZouNames(@CacheName("zou-names") Cache known) {
        this.known = known.as(CaffeineCache.class);
    }

    /** Returns the object as it was a minute ago or less; null if it is not cached. */
    ZouObject get(String collection, UUID id) {
        CompletableFuture<ZouObject> object = known.getIfPresent(new Key(collection, id));
        return object == null ? null : object.join();
    }

    void put(String collection, ZouObject object) {
        known.put(new Key(collection, object.id()), CompletableFuture.completedFuture(object));
    }
}
