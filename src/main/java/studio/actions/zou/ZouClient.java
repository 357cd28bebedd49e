package studio.actions.zou;

import java.io.IOException;
import java.io.InputStream;
import java.lang.annotation.Annotation;
import java.lang.reflect.Type;
import java.util.UUID;

import jakarta.annotation.Priority;
import jakarta.ws.rs.ConstrainedTo;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Priorities;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.RuntimeType;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.MultivaluedMap;
import jakarta.ws.rs.ext.MessageBodyReader;

import org.eclipse.microprofile.rest.client.annotation.RegisterProvider;
import org.eclipse.microprofile.rest.client.inject.RegisterRestClient;

import io.smallrye.mutiny.Multi;
import io.vertx.core.buffer.Buffer;

/**
 * REST client for Zou, Kitsu's API server. The answers arrive in pieces, so that {@link Zou} can stop reading a long one. All
 * calls must go through {@link Zou}, which limits their time and size.
 */
@RegisterRestClient(configKey = "zou")
@RegisterProvider(ZouClient.Pieces.class)
@Path("/")
interface ZouClient {

    /** The most ids in a request for a list. Zou's server refuses a request line over 4,094 bytes; 80 ids make some 3,700. */
    int MOST_IDS = 80;

    /** Fetches the person that a credential belongs to. */
    @GET
    @Path("auth/authenticated")
    Multi<Buffer> authenticated(@HeaderParam("Authorization") String authorization, @HeaderParam("Cookie") String cookie);

    /** Fetches a list that every token may read, except a token that is only for setting up a second factor. */
    @GET
    @Path("data/project-status")
    Multi<Buffer> projectStatus(@HeaderParam("Authorization") String authorization, @HeaderParam("Cookie") String cookie);

    /** Fetches a task with its entity, types, production, sequence and episode. */
    @GET
    @Path("data/tasks/{id}/full")
    Multi<Buffer> fullTask(@HeaderParam("Authorization") String authorization, @HeaderParam("Cookie") String cookie,
            @PathParam("id") UUID id);

    @GET
    @Path("data/{collection}/{id}")
    Multi<Buffer> one(@HeaderParam("Authorization") String authorization, @HeaderParam("Cookie") String cookie,
            @PathParam("collection") String collection, @PathParam("id") UUID id);

    /** @param ids the ids of the objects to fetch, as a JSON array; null for all */
    @GET
    @Path("data/{collection}")
    Multi<Buffer> list(@HeaderParam("Authorization") String authorization, @HeaderParam("Cookie") String cookie,
            @PathParam("collection") String collection, @QueryParam("fields") String fields, @QueryParam("id") String ids);

    @GET
    @Path("data/projects/{id}/team")
    Multi<Buffer> team(@HeaderParam("Authorization") String authorization, @HeaderParam("Cookie") String cookie,
            @PathParam("id") UUID production);

    @GET
    @Path("data/custom-actions")
    Multi<Buffer> customActions(@HeaderParam("Authorization") String authorization, @HeaderParam("Cookie") String cookie);

    @POST
    @Path("data/custom-actions")
    @Consumes(MediaType.APPLICATION_JSON)
    Multi<Buffer> createCustomAction(@HeaderParam("Authorization") String authorization, @HeaderParam("Cookie") String cookie,
            String action);

    @DELETE
    @Path("data/custom-actions/{id}")
    Multi<Buffer> deleteCustomAction(@HeaderParam("Authorization") String authorization, @HeaderParam("Cookie") String cookie,
            @PathParam("id") UUID id);

    @GET
    @Path("data/user/context")
    Multi<Buffer> userContext(@HeaderParam("Authorization") String authorization, @HeaderParam("Cookie") String cookie);

    /**
     * A reader that returns each piece of an answer as it came. Jackson's reader would parse each piece as a whole JSON
     * document.
     */
    @ConstrainedTo(RuntimeType.CLIENT)
    @Priority(Priorities.USER - 1000)
    final class Pieces implements MessageBodyReader<Buffer> {

        @Override
        public boolean isReadable(Class<?> type, Type generic, Annotation[] annotations, MediaType mediaType) {
            return type == Buffer.class;
        }

        @Override
        public Buffer readFrom(Class<Buffer> type, Type generic, Annotation[] annotations, MediaType mediaType,
                MultivaluedMap<String, String> headers, InputStream piece) throws IOException {
            return Buffer.buffer(piece.readAllBytes());
        }
    }
}
