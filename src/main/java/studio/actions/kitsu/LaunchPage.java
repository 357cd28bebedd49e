package studio.actions.kitsu;

import java.util.List;

import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.Response;

import io.quarkus.qute.TemplateInstance;
import studio.actions.action.Action;
import studio.actions.html.Page;
import studio.actions.press.Opening;
import studio.actions.template.Template;

/**
 * The page that answers a press of an action whose URL the browser opens. It launches a desktop program or lists several links;
 * a single short web link is answered with a redirect instead. The page works without JavaScript: the script only opens the
 * link that the page shows.
 *
 * @param launch the URL to open at once; null if there is not exactly one link, or if the caller must read the warning first
 * @param warning why a long link may fail; null if no warning is needed
 */
record LaunchPage(String action, String launch, List<Opening.Link> links, List<Opening.Refused> refused, String warning,
        String style, String script)
        implements
            TemplateInstance {

    /**
     * The longest URL of a redirect, in bytes; the page opens a longer one. Proxies limit the size of all headers of an answer:
     * nginx's buffer for them has 4 KB.
     */
    private static final int LONGEST_REDIRECT = 2048;

    /** The longest URL that common web servers such as nginx and Apache accept, in bytes. */
    private static final int LONGEST_COMMON = 8 * 1024;

    /** The longest link that Windows hands to a desktop program, in characters. */
    private static final int LONGEST_ON_WINDOWS = 2000;

    private static final String SCRIPT = "location.href = document.getElementById(\"launch\").href";

    /** Returns a redirect for a single short web link, else this page. */
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

    /**
     * Returns why a single long link may fail; null if no warning is needed. The page does not open a web link with a warning
     * at once, because the opened site would replace the page before anybody has read the warning.
     */
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

    /**
     * Redirects to a URL. Appends an empty fragment if the URL has none: browsers would otherwise append the fragment of the
     * trigger link that they requested, which is the action's URL template.
     */
    private static Response redirect(int status, String url) {
        return Response.status(status).header(HttpHeaders.LOCATION, url.indexOf('#') < 0 ? url + "#" : url)
                .header("Referrer-Policy", "no-referrer").header(HttpHeaders.CACHE_CONTROL, "no-store").build();
    }
}
