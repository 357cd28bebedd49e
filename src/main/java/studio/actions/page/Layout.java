package studio.actions.page;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

import io.quarkus.qute.TemplateData;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;

/**
 * What all screens have in common.
 *
 * @param here the menu entry of the screen
 * @param viewer the person who looks at the screen; null on the sign-in screen
 * @param theme {@code dark} or {@code light}; null for the browser's choice
 * @param assets the path of the folder with scripts and styles
 * @param kitsu whether the service runs beside a Kitsu
 */
@TemplateData
public record Layout(String title, String here, Caller viewer, String theme, String assets, boolean kitsu) {

    /** A link in the menu. */
    @TemplateData
    public record Entry(String name, String path, boolean current) {
    }

    /** A person, production or action that a filter offers. */
    @TemplateData
    public record Choice(UUID id, String name, boolean chosen) {
    }

    /** Returns the menu: the screens that the viewer may open. */
    public List<Entry> menu() {
        List<Entry> menu = new ArrayList<>();
        if (viewer != null) {
            add(menu, "Runs", "runs");
            add(menu, "Actions", "actions");
            if (!viewer.is(Role.client) && !viewer.is(Role.vendor)) {
                add(menu, "Why?", "why");
            }
            if (admin()) {
                add(menu, "Audit", "audit");
                add(menu, "Move", "move");
                add(menu, "Status", "status");
            }
        }
        return menu;
    }

    private void add(List<Entry> menu, String name, String path) {
        menu.add(new Entry(name, path, here.equals(path)));
    }

    public boolean admin() {
        return viewer != null && viewer.is(Role.admin);
    }

    /** Returns a time to the minute, as the viewer reads times. */
    public String minute(Instant at) {
        return viewer.times().minute(at);
    }

    /** Returns a time to the second, with its time zone. */
    public String exact(Instant at) {
        return viewer.times().exact(at);
    }
}
