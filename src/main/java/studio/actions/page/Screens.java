package studio.actions.page;

import jakarta.enterprise.context.RequestScoped;

import io.quarkus.security.identity.SecurityIdentity;
import io.vertx.core.http.Cookie;
import io.vertx.ext.web.RoutingContext;
import studio.actions.identity.Caller;
import studio.actions.identity.ZouConfig;

/** Makes the {@link Layout} of the screen that the current request asks for. */
@RequestScoped
class Screens {

    /** The cookie with the theme of the Kitsu that shows the page. */
    static final String THEME = "kitsu-actions-theme";

    private final RoutingContext request;
    private final SecurityIdentity identity;
    private final Assets assets;
    private final ZouConfig zou;

    Screens(RoutingContext request, SecurityIdentity identity, Assets assets, ZouConfig zou) {
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
                zou.url().isPresent());
    }
}
