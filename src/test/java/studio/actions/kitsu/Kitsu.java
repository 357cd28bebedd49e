package studio.actions.kitsu;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static studio.actions.testing.BesideKitsu.PATH;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.restassured.RestAssured;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;

/** Kitsu's admin page and action panel, as far as tests need them, and what a socket can do besides. */
final class Kitsu {

    /** RestAssured's own JSON paths are compiled anew for each look, which takes longer than the request. */
    static final ObjectMapper JSON = new ObjectMapper();

    static final String TOOL = "https://api.studio.com/sync?entity={entity_id}";
    static final String NOBODY = "nobody";

    private static final String TOKEN = BesideKitsu.token("admin");

    private Kitsu() {
    }

    static RequestSpecification admin() {
        return BesideKitsu.with(TOKEN);
    }

    static RequestSpecification person(String person) {
        return person.equals(NOBODY) ? given().contentType(ContentType.JSON).urlEncodingEnabled(false)
                : BesideKitsu.as(person);
    }

    /** What Kitsu's form sends for a new action, with some fields as given: name, value, name, value … */
    static Map<String, Object> draft(String name, Object... fields) {
        Map<String, Object> draft = new LinkedHashMap<>(Map.of("name", name, "url", TOOL));
        for (int i = 0; i < fields.length; i += 2) {
            draft.put((String) fields[i], fields[i + 1]);
        }
        return draft;
    }

    /** The id of a new action, made on Kitsu's path. */
    static String create(String name, Object... fields) {
        return (String) answer(201, admin().body(draft(name, fields)).post(PATH)).get("id");
    }

    static Response put(String id, Map<String, ?> change) {
        return admin().body(change).put(PATH + "/" + id);
    }

    /** The action as Kitsu reads it. */
    static Map<String, Object> read(String id) {
        return answer(200, admin().get(PATH + "/" + id));
    }

    /** The action as our own path has it, in any order. */
    static Map<String, Object> ours(String id) {
        return new TreeMap<>(answer(200, admin().get(Api.ACTIONS + "/" + id)));
    }

    static List<Map<String, Object>> list(String query) {
        return list(admin(), query);
    }

    static List<Map<String, Object>> list(RequestSpecification as, String query) {
        return objects(as.get(PATH + query));
    }

    /** The array that is answered. */
    static List<Map<String, Object>> objects(Response answer) {
        assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(200);
        return JSON.convertValue(json(answer), new TypeReference<List<Map<String, Object>>>() {
        });
    }

    /** The object that is answered. */
    static Map<String, Object> answer(int status, Response answer) {
        assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(status);
        return JSON.convertValue(json(answer), new TypeReference<Map<String, Object>>() {
        });
    }

    static JsonNode json(Response answer) {
        try {
            return JSON.readTree(answer.asByteArray());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A problem, in the shape that clients written for Zou read as well. */
    static JsonNode refused(int status, String code, Response answer) {
        assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(status);
        assertThat(answer.contentType()).startsWith("application/problem+json");
        JsonNode problem = json(answer);
        assertThat(problem.get("code").asText()).isEqualTo(code);
        assertThat(problem.get("error").asBoolean()).isTrue();
        assertThat(problem.get("message").asText()).isNotBlank();
        return problem;
    }

    /** A problem with one wrong field of the body. */
    static void refusedField(String pointer, String code, Response answer) {
        JsonNode problem = refused(400, "invalid_body", answer);
        assertThat(problem.findValuesAsText("pointer")).containsExactly(pointer);
        assertThat(problem.get("errors").get(0).get("code").asText()).isEqualTo(code);
    }

    /** What the action panel sends for an AJAX action; who presses and where are claims. */
    static Map<String, Object> press(String task) {
        return Map.of("entitytype", "shot", "originurl", "/productions/1/shots", "originserver", "kitsu.studio", "selection",
                List.of(task), "productionid", "1", "userid", "2", "useremail", "somebody@else.com");
    }

    static Response run(RequestSpecification as, String id, String task) {
        return as.body(press(task)).post(PATH + "/" + id + "/run");
    }

    static Response open(RequestSpecification as, String id, String task) {
        return as.contentType(ContentType.URLENC).body("selection=" + task).redirects().follow(false)
                .post(PATH + "/" + id + "/open");
    }

    record Answered(int status, String text) {

        JsonNode body() throws IOException {
            return JSON.readTree(text.substring(text.indexOf("\r\n\r\n") + 4));
        }
    }

    /** Path and host as they are written, which clients tidy up; JSON as the admin. */
    static Answered raw(String verb, String path, String host, String body) throws IOException {
        return raw(verb + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + TOKEN
                + "\r\nContent-Type: application/json\r\n", body);
    }

    /** @param head the request line and headers, each with its line end */
    static Answered raw(String head, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        try (Socket socket = new Socket("localhost", RestAssured.port)) {
            socket.setSoTimeout(10_000);
            socket.getOutputStream().write((head + "Connection: close\r\nContent-Length: " + bytes.length + "\r\n\r\n")
                    .getBytes(StandardCharsets.US_ASCII));
            socket.getOutputStream().write(bytes);
            String text = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Answered(Integer.parseInt(text.split(" ", 3)[1]), text);
        }
    }

    /** The line of a header for {@link #raw(String, String)}. */
    static String bearer(String person) {
        return person.equals(NOBODY) ? "" : "Authorization: Bearer " + BesideKitsu.token(person) + "\r\n";
    }
}
