package studio.actions.kitsu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.vertx.core.buffer.Buffer;

/** The page's entry among Zou's plugins. */
class PluginEntryTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final PluginEntry entry = new PluginEntry(true, "0.2.0", JSON);

    private String with(String plugins) {
        return entry.addTo(Buffer.buffer(plugins)).toString();
    }

    @ParameterizedTest
    @ValueSource(strings = { "[]", "[ ]", "[{\"plugin_id\": \"other\", \"name\":\"é\"}]", "[{\"a\":[1]} , {\"b\":{}}]\n" })
    void comesLastAndLeavesTheBytesBeforeIt(String plugins) throws Exception {
        String before = plugins.substring(0, plugins.lastIndexOf(']'));

        String list = with(plugins);

        assertThat(list).startsWith(before);
        JsonNode parsed = JSON.readTree(list);
        assertThat(parsed.size()).isEqualTo(JSON.readTree(plugins).size() + 1);
        assertThat(parsed.get(parsed.size() - 1).get("plugin_id").asText()).isEqualTo("kitsu-actions");
    }

    @Test
    void replacesAnEntryOfTheSameId() throws Exception {
        JsonNode list = JSON.readTree(with("[{\"plugin_id\":\"kitsu-actions\",\"name\":\"Old\"},{\"plugin_id\":\"other\"}]"));

        assertThat(list.findValuesAsText("plugin_id")).containsExactly("other", "kitsu-actions");
        assertThat(list.get(1).get("name").asText()).isNotEqualTo("Old");
    }

    @ParameterizedTest
    @ValueSource(strings = { "null", "{}", "\"none\"", "1" })
    void leavesWhatIsNoList(String plugins) {
        assertThat(with(plugins)).isEqualTo(plugins);
    }
}
