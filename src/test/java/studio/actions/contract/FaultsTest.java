package studio.actions.contract;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The check of generated requests' answers: {@link Contract} reports each answer that is not documented. */
class FaultsTest {

    private static final String JSON = "application/json";
    private static final String PROBLEM = "application/problem+json";

    private final Contract contract = new Contract(Contract.read("""
            {"paths": {"/actions": {"get": {"operationId": "list", "responses": {
               "200": {"description": "x", "headers": {"ETag": {"required": true, "schema": {"type": "string"}}},
                 "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Action"}}}},
               "204": {"description": "x"},
               "400": {"description": "x", "content": {"application/problem+json": {"schema": {"type": "object"}}}},
               "500": {"description": "x"}}}}},
             "components": {"schemas": {"Action": {"type": "object", "required": ["id"],
               "properties": {"id": {"type": "string", "format": "uuid"}, "size": {"type": ["integer", "null"]}}}}}}"""));

    @Test
    void findsNoFaultInDocumentedAnswer() {
        assertThat(faults(200, Map.of("ETag", "1", "Content-Type", JSON + ";charset=UTF-8"),
                "{\"id\": \"63f8a332-e209-4f8c-b384-747d5eda4b57\", \"size\": null}")).isEmpty();
        assertThat(faults(204, Map.of(), "")).isEmpty();
        assertThat(faults(400, Map.of("Content-Type", PROBLEM), "{\"status\": 400}")).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "500 | | | failed with 500",
            "418 | | | 418 is not documented",
            "204 | application/json | {} | documented without a body",
            "200 | text/plain | {} | documented as [application/json]",
            "200 | | | documented as [application/json]",
            "200 | application/json | {\"id\": | no JSON",
            "200 | application/json | {\"size\": 1, \"size\": 2} | no JSON",
            "200 | application/json | {} | required property 'id'",
            "200 | application/json | {\"id\": \"x\"} | against its schema",
            "200 | application/json | {\"id\": \"63f8a332-e209-4f8c-b384-747d5eda4b57\", \"size\": \"1\"} | against its schema",
            "400 | application/problem+json | {\"status\": 404} | a problem of 404" })
    void findsFaultInUndocumentedAnswer(int status, String type, String body, String fault) {
        Map<String, String> headers = new TreeMap<>(Map.of("ETag", "1"));
        if (type != null) {
            headers.put("Content-Type", type);
        }

        assertThat(faults(status, headers, body == null ? "" : body)).anyMatch(found -> found.contains(fault));
    }

    @Test
    void findsMissingHeader() {
        assertThat(faults(200, Map.of("Content-Type", JSON), "{\"id\": \"63f8a332-e209-4f8c-b384-747d5eda4b57\"}"))
                .containsExactly("200 lacks the header ETag");
    }

    private List<String> faults(int status, Map<String, String> headers, String body) {
        return contract.faults(contract.operations().get(0), new Answer(status, headers, body.getBytes(UTF_8)));
    }
}
