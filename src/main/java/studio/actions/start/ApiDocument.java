package studio.actions.start;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;

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

import studio.actions.settings.EgressConfig;

/** The resource with the API's OpenAPI description: {@code META-INF/openapi.yaml} as YAML or as JSON. */
@Path("/api/custom-actions/openapi")
@PermitAll
public class ApiDocument {

    private static final String SOURCE = "META-INF/openapi.yaml";

    /** The formats in which the description can be requested. */
    public enum Format {
        yaml,
        json
    }

    /** The file's lines with the bounds of an action's time-out (ms). The configured longest time-out replaces the maximum. */
    private static final String LONGEST = "maximum: %d\n          minimum: 100\n";

    private final ObjectMapper mapper;
    private final int maxTimeoutMs;

    /** The description as JSON. Kept after the first request for it, because the conversion from YAML is slow. */
    private volatile byte[] json;

    ApiDocument(ObjectMapper mapper, EgressConfig config) {
        this.mapper = mapper;
        this.maxTimeoutMs = (int) config.maxTimeout().toMillis();
    }

    /** Returns the description in the format of the parameter {@code format}, else of {@code Accept}, else as YAML. */
    @GET
    public Response read(@QueryParam("format") Format format, @Context Request request) throws IOException {
        List<Variant> variants = Stream.of(Format.values())
                .map(form -> new Variant(new MediaType("application", form.name(), "UTF-8"), (String) null, null)).toList();
        Variant variant = format != null ? variants.get(format.ordinal()) : request.selectVariant(variants);
        if (variant == null) {
            return Response.notAcceptable(variants).build();
        }
        boolean asJson = variant.getMediaType().getSubtype().equals(Format.json.name());
        return Response.ok(asJson ? json() : yaml(), variant.getMediaType()).build();
    }

    private byte[] json() throws IOException {
        if (json == null) {
            json = mapper.writeValueAsBytes(new YAMLMapper().readTree(yaml()));
        }
        return json;
    }

    private byte[] yaml() {
        try (InputStream source = Thread.currentThread().getContextClassLoader().getResourceAsStream(SOURCE)) {
            return new String(source.readAllBytes(), StandardCharsets.UTF_8)
                    .replace(LONGEST.formatted(60_000), LONGEST.formatted(maxTimeoutMs)).getBytes(StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(SOURCE + " is a resource of this build", e);
        }
    }
}
