package studio.actions.page;

import java.util.Map;
import java.util.UUID;

import jakarta.enterprise.context.RequestScoped;

import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.mutiny.Uni;
import io.vertx.core.http.Cookie;
import io.vertx.ext.web.RoutingContext;
import studio.actions.identity.Caller;
import studio.actions.identity.Requester;
import studio.actions.zou.Zou;

/** Makes the {@link Layout} of the screen that the current request asks for. */
@RequestScoped
class Screens {

    /** The cookie with the theme of the Kitsu that shows the page. */
    static final String THEME = "kitsu-actions-theme";

    private final RoutingContext request;
    private final SecurityIdentity identity;
    private final Assets assets;
    private final Zou zou;

    Screens(RoutingContext request, SecurityIdentity identity, Assets assets, Zou zou) {
        this.request = request;
        this.identity = identity;
        this.assets = assets;
        this.zou = zou;
    }

    /** @param here the menu entry of the screen */
    Layout layout(String title, String here) {
        Cookie theme = request.request().getCookie(THEME);
        String chosen = theme != null && theme.getValue().matches("dark|light") ? theme.getValue() : null;
        return new Layout(title, here, identity.isAnonymous() ? null : Caller.of(identity), chosen, assets.folder(),
                zou.there());
    }

    /** Returns the names of Kitsu's productions, by id; empty without Kitsu, or if Kitsu does not answer. */
    Uni<Map<UUID, String>> productions() {
        return zou.there()
                ? zou.productionNames(Requester.of(identity).credential()).onFailure().recoverWithItem(Map.of())
                : Uni.createFrom().item(Map.of());
    }

    /**
     * Returns whether a page of this site led to the current request. If not, the address may be made up, and must not put
     * words
     * into the page. Browsers send the header over HTTPS and to this machine; without it, the address is believed.
     */
    boolean fromThisSite() {
        String site = request.request().getHeader("Sec-Fetch-Site");
        return site == null || site.equals("same-origin");
    }
}
