package studio.actions.start;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;

import jakarta.annotation.security.PermitAll;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Request;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.core.Variant;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;

/** The API's description: {@code META-INF/openapi.yaml}, as it is or as JSON. */
@Path("/api/custom-actions/openapi")
@PermitAll
public class ApiDocument {

    private static final String SOURCE = "META-INF/openapi.yaml";

    private static final List<Variant> VARIANTS = Variant.mediaTypes(new MediaType("application", "yaml", "UTF-8"),
            new MediaType("application", "json", "UTF-8")).build();

    /** The forms that it can be asked for. */
    public enum Format {
        yaml,
        json
    }

    private final ObjectMapper json;

    ApiDocument(ObjectMapper json) {
        this.json = json;
    }

    /** Answers the form that {@code format} names, else the one that {@code Accept} prefers, else YAML. */
    @GET
    public Response read(@QueryParam("format") Format format, @Context Request request) throws IOException {
        Variant variant = format != null ? VARIANTS.get(format.ordinal()) : request.selectVariant(VARIANTS);
        if (variant == null) {
            return Response.notAcceptable(VARIANTS).build();
        }
        byte[] yaml = source();
        boolean asYaml = variant == VARIANTS.get(0);
        return Response.ok(asYaml ? yaml : json.writeValueAsBytes(new YAMLMapper().readTree(yaml)), variant).build();
    }

    private static byte[] source() {
        try (InputStream source = Thread.currentThread().getContextClassLoader().getResourceAsStream(SOURCE)) {
            return source.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(SOURCE + " is a resource of this build", e);
        }
    }
}
