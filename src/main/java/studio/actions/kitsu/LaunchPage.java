package studio.actions.kitsu;

import java.util.List;

import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.Response;

import io.quarkus.qute.TemplateInstance;
import studio.actions.action.Action;
import studio.actions.action.Template;
import studio.actions.html.Page;
import studio.actions.run.Opening;

/**
 * What a browser gets for an action that it opens: the web page itself, else this page, which launches a desktop program or
 * lists what there is. It needs no script: that only presses the link.
 *
 * @param launch the one URL that is opened at once; null if there are several, none, or one that needs a warning first
 * @param warning what may go wrong with a long link; null if nothing
 */
record LaunchPage(String action, String launch, List<Opening.Link> links, List<Opening.Refused> refused, String warning,
        String style, String script)
        implements
            TemplateInstance {

    /** Bytes of an address that proxies take in a header: nginx' buffer has 4 KB. The page goes where a longer one leads. */
    private static final int LONGEST_REDIRECT = 2048;

    /** Bytes of an address that web servers commonly take, such as nginx and Apache. */
    private static final int LONGEST_COMMON = 8 * 1024;

    /** Characters of a link that Windows hands to a desktop program. */
    private static final int LONGEST_ON_WINDOWS = 2000;

    private static final String SCRIPT = "location.href = document.getElementById(\"launch\").href";

    /** Answers a press, as the opening is. */
    static Response answer(Action action, Opening opening) {
        List<Opening.Link> links = opening.links();
        if (links.size() == 1 && links.get(0).web()) {
            boolean formGoesOn = Template.parse(action.url).variables().isEmpty();
            if (links.get(0).url().length() <= LONGEST_REDIRECT) {
                return redirect(formGoesOn ? 307 : 303, links.get(0).url());
            }
        }
        String warning = warning(links);
        boolean waits = warning != null && links.get(0).web();
        String launch = links.size() == 1 && !waits ? links.get(0).url() : null;
        String page = new LaunchPage(action.name, launch, links, opening.refused(), warning, Page.STYLE, SCRIPT).render();
        Response.ResponseBuilder answer = Response.status(opening.trouble() == null ? 200 : opening.trouble().status)
                .type(Page.MEDIA_TYPE).entity(page);
        Page.headers(SCRIPT).forEach(answer::header);
        return answer.build();
    }

    /** Returns what may go wrong with a single long link; null if nothing does. A page would be gone before it was read. */
    private static String warning(List<Opening.Link> links) {
        if (links.size() != 1) {
            return null;
        }
        int length = links.get(0).url().length();
        return links.get(0).web()
                ? length <= LONGEST_COMMON ? null
                        : "This address has %,d characters. Most web servers refuse more than 8,000: select fewer tasks if the page does not open."
                                .formatted(length)
                : length <= LONGEST_ON_WINDOWS ? null
                        : "This link has %,d characters. Windows cuts links to desktop programs at about 2,000: select fewer tasks if the program opens something else."
                                .formatted(length);
    }

    /** Without a fragment of its own in the new address, browsers would carry ours, the template, along to it. */
    private static Response redirect(int status, String url) {
        return Response.status(status).header(HttpHeaders.LOCATION, url.indexOf('#') < 0 ? url + "#" : url)
                .header("Referrer-Policy", "no-referrer").header(HttpHeaders.CACHE_CONTROL, "no-store").build();
    }
}
