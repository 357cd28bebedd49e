package studio.actions.kitsu;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.quarkus.runtime.ApplicationConfig;
import io.vertx.core.buffer.Buffer;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;

/**
 * The page's entry in the list of Zou's plugins, by which Kitsu 1.0.6 and later show the page in the sidebar and in the menu of
 * a
 * production.
 */
@Singleton
class PluginEntry {

    private static final String ID = "kitsu-actions";

    private final boolean enabled;
    private final String version;
    private final ObjectMapper json;

    @Inject
    PluginEntry(PageConfig config, ApplicationConfig application, ObjectMapper json) {
        this(config.enabled(), application.version().orElse("unknown"), json);
    }

    PluginEntry(boolean enabled, String version, ObjectMapper json) {
        this.enabled = enabled;
        this.version = version;
        this.json = json;
    }

    /**
     * Returns whether this person's Kitsu shows the page. Clients never see it, and other people only if they see an action.
     *
     * @param seesActions whether the person sees at least one action
     */
    boolean isFor(Caller caller, boolean seesActions) {
        return enabled && !caller.is(Role.client) && (caller.is(Role.admin) || seesActions);
    }

    /**
     * Adds the entry at the end of a list of plugins, and replaces an entry with the same id. All other entries keep their
     * bytes,
     * unless one is replaced. Returns the list unchanged if it is no JSON array.
     */
    Buffer addTo(Buffer plugins) {
        try {
            JsonNode list = json.readTree(plugins.getBytes());
            if (!list.isArray()) {
                return plugins;
            }
            List<JsonNode> others = new ArrayList<>();
            list.forEach(plugin -> {
                if (!plugin.path("plugin_id").asText().equals(ID)) {
                    others.add(plugin);
                }
            });
            Buffer before = others.size() == list.size() ? plugins
                    : Buffer.buffer(json.writeValueAsBytes(json.createArrayNode().addAll(others)));
            String text = before.toString();
            return Buffer.buffer(text.substring(0, text.lastIndexOf(']'))).appendString(others.isEmpty() ? "" : ",")
                    .appendBytes(json.writeValueAsBytes(entry())).appendString("]");
        } catch (IOException e) {
            return plugins;
        }
    }

    /** Returns the fields that Zou 1.0.67 gives of a plugin. */
    private ObjectNode entry() {
        return json.createObjectNode()
                .put("id", UUID.nameUUIDFromBytes(ID.getBytes(StandardCharsets.UTF_8)).toString())
                .put("plugin_id", ID).put("name", "Actions").put("description", "Runs of custom actions")
                .put("version", version)
                .put("maintainer_name", "Kitsu Actions").putNull("maintainer_email").put("frontend_project_enabled", true)
                .put("frontend_studio_enabled", true).put("icon", "zap");
    }
}
