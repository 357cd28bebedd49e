package studio.actions.kitsu;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;

import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;

import io.quarkus.qute.TemplateInstance;
import studio.actions.action.Action;
import studio.actions.action.Template;
import studio.actions.run.Opening;

/**
 * What a browser gets for an action that it opens: the web page itself, else this page, which launches a desktop program or
 * lists what there is. It needs no script: that only presses the link.
 *
 * @param launch the one URL that is opened at once; null where there are several, or none
 */
record LaunchPage(String action, String launch, List<Opening.Link> links, List<Opening.Refused> refused, String style,
        String script)
        implements
            TemplateInstance {

    /** Shortened: head and style are left out. */
    static final String EXAMPLE = """
            <!doctype html>
            <html lang="en">
            <body>
            <h1>Open in RV</h1>
            <p>Your desktop program should open now. If nothing happens: <a id="launch" href="rv://SH010">open SH010</a>.</p>
            <p class="url">rv://SH010</p>
            <p>You may close this tab.</p>
            </body>
            </html>
            """;

    /** Shortened as well. */
    static final String NOTHING = """
            <!doctype html>
            <html lang="en">
            <body>
            <h1>Open in RV</h1>
            <p>There is nothing to open.</p>
            <p>Left out:</p>
            <ul>
            <li>SH010: The action is for assets; this is a shot.</li>
            </ul>
            <p>You may close this tab.</p>
            </body>
            </html>
            """;

    /** Bytes of an address that proxies take in a header; the page goes where a longer one leads. */
    private static final int LONGEST_REDIRECT = 2048;

    private static final String SCRIPT = "location.href = document.getElementById(\"launch\").href";

    private static final String STYLE = """
            body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color: #222;
              background: #fff }
            h1 { font-size: 1.3rem }
            a { color: #00695c; overflow-wrap: anywhere }
            li { margin: .3rem 0 }
            .url { display: block; font-size: .8rem; color: #666; overflow-wrap: anywhere }""";

    /** Answers a press, as the opening is. */
    static Response answer(Action action, Opening opening) {
        List<Opening.Link> links = opening.links();
        if (links.size() == 1 && links.get(0).web()) {
            boolean formGoesOn = Template.parse(action.url).variables().isEmpty();
            if (formGoesOn || links.get(0).url().length() <= LONGEST_REDIRECT) {
                return redirect(formGoesOn ? 307 : 303, links.get(0).url());
            }
        }
        String launch = links.size() == 1 ? links.get(0).url() : null;
        String page = new LaunchPage(action.name, launch, links, opening.refused(), STYLE, SCRIPT).render();
        return Response.status(opening.trouble() == null ? 200 : opening.trouble().status)
                .type(MediaType.TEXT_HTML_TYPE.withCharset("utf-8")).entity(page)
                .header("Content-Security-Policy", "default-src 'none'; style-src '" + hash(STYLE) + "'; script-src '"
                        + hash(SCRIPT) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
                .header("X-Content-Type-Options", "nosniff").header("Referrer-Policy", "no-referrer")
                .header(HttpHeaders.CACHE_CONTROL, "no-store").build();
    }

    /** Without a fragment of its own in the new address, browsers would carry ours, the template, along to it. */
    private static Response redirect(int status, String url) {
        return Response.status(status).header(HttpHeaders.LOCATION, url.indexOf('#') < 0 ? url + "#" : url)
                .header("Referrer-Policy", "no-referrer").header(HttpHeaders.CACHE_CONTROL, "no-store").build();
    }

    /** CSP 3, section 2.3.1: lets exactly this text be style or script. */
    private static String hash(String inline) {
        try {
            return "sha256-" + Base64.getEncoder().encodeToString(
                    MessageDigest.getInstance("SHA-256").digest(inline.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256 is part of every Java platform", e);
        }
    }
}
