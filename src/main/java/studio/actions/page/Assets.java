package studio.actions.page;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;

import jakarta.annotation.security.PermitAll;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.core.Response;

import studio.actions.hash.Sha256;
import studio.actions.html.Page;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/** The scripts and styles of the page. A browser may keep them for a year: their path changes with their content. */
@Path(Page.APP + "/assets")
@PermitAll
public class Assets {

    private static final Map<String, String> FILES = Map.of("page.css", "/page/page.css", "page.js", "/page/page.js",
            "icon.svg", "/page/icon.svg",
            "htmx.min.js", "/META-INF/resources/webjars/htmx.org/2.0.4/dist/htmx.min.js");

    private static final Map<String, String> TYPES = Map.of(".css", "text/css;charset=utf-8", ".js",
            "text/javascript;charset=utf-8", ".svg", "image/svg+xml");

    private final Map<String, byte[]> files = new LinkedHashMap<>();
    private final String version;

    Assets() {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        FILES.keySet().stream().sorted().forEach(name -> {
            files.put(name, read(FILES.get(name)));
            all.writeBytes(files.get(name));
        });
        version = HexFormat.of().formatHex(Sha256.of(all.toByteArray()), 0, 6);
    }

    private static byte[] read(String resource) {
        try (InputStream in = Assets.class.getResourceAsStream(resource)) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns the path of the folder, without a slash at its end. */
    String folder() {
        return Page.APP + "/assets/" + version;
    }

    @GET
    @Path("/{version}/{name}")
    public Response get(@PathParam("version") String asked, @PathParam("name") String name) {
        byte[] file = files.get(name);
        if (file == null || !asked.equals(version)) {
            throw new ProblemException(Code.NOT_FOUND, "There is no such file. Reload the page.");
        }
        return Response.ok(file, TYPES.get(name.substring(name.lastIndexOf('.'))))
                .header("Cache-Control", "public, max-age=31536000, immutable").build();
    }
}
