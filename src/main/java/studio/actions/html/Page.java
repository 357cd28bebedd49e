package studio.actions.html;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;

import studio.actions.hash.Sha256;

/** Style and HTTP headers of the small HTML pages that a browser's tab may show after a press. The pages look like Kitsu's. */
public final class Page {

    public static final String MEDIA_TYPE = "text/html;charset=utf-8";

    /** The path of the page with the screens for people. */
    public static final String APP = "/api/custom-actions/app";

    /** A style sheet with the colours and rounded corners of Kitsu's light and dark themes. */
    public static final String STYLE = """
            :root { color-scheme: light dark; --page: #f6f6f6; --block: #fff; --border: #dbdbdb; --text: #5f5f5f;
              --strong: #202225; --link: #5e60ba }
            @media (prefers-color-scheme: dark) { :root { --page: #36393f; --block: #46494f; --border: #25282e; --text: #eee;
              --strong: #fefefe; --link: #b9baff } }
            body { font: 16px/1.5 system-ui, sans-serif; margin: 0; padding: 4rem 1rem; color: var(--text);
              background: var(--page) }
            main { max-width: 40rem; margin: 0 auto; padding: 1.5rem 2rem; background: var(--block);
              border: 1px solid var(--border); border-radius: 10px }
            h1 { margin: 0 0 1rem; font-size: 1.3rem; font-weight: 300; color: var(--strong); overflow-wrap: anywhere }
            a { color: var(--link); overflow-wrap: anywhere }
            li { margin: .3rem 0 }
            .button { display: inline-block; padding: .4rem 1rem; border: 1px solid var(--border); border-radius: 10px;
              color: var(--strong); text-decoration: none }
            .button:hover, .button:focus { border-color: #00b242 }
            .small { display: block; font-size: .85rem; overflow-wrap: anywhere }""";

    private Page() {
    }

    /**
     * Returns the HTTP headers of a page that loads nothing, posts nothing and cannot be framed by another page.
     *
     * @param script the text of the only inline script that may run; null if none may run
     */
    public static Map<String, String> headers(String script) {
        Map<String, String> headers = new LinkedHashMap<>();
        headers.put("Content-Security-Policy", "default-src 'none'; style-src '" + hash(STYLE) + "'; "
                + (script == null ? "" : "script-src '" + hash(script) + "'; ")
                + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
        headers.put("X-Content-Type-Options", "nosniff");
        headers.put("Referrer-Policy", "no-referrer");
        headers.put("Cache-Control", "no-store");
        return headers;
    }

    /** Returns the HTTP headers of such a page at a path below {@link #APP}, which Kitsu shows in a frame of its own site. */
    public static Map<String, String> framedHeaders() {
        Map<String, String> headers = headers(null);
        headers.computeIfPresent("Content-Security-Policy",
                (name, policy) -> policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'"));
        return headers;
    }

    /** Returns the source expression that allows exactly this text as inline style or script (CSP 3, section 2.3.1). */
    private static String hash(String inline) {
        return "sha256-" + Base64.getEncoder().encodeToString(Sha256.of(inline.getBytes(StandardCharsets.UTF_8)));
    }
}
