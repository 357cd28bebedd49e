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
import java.util.UUID;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.restassured.RestAssured;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou;
import studio.actions.testing.Json;

/** The requests of Kitsu's admin page and action panel, and raw requests over a socket. */
final class Kitsu {

    /** Used instead of RestAssured's JSON paths, which are compiled for each use; that takes longer than the request. */
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

    /** Returns the body that Kitsu's form sends for a new action, with further fields given as name, value, name, value … */
    static Map<String, Object> draft(String name, Object... fields) {
        Map<String, Object> draft = new LinkedHashMap<>(Map.of("name", name, "url", TOOL));
        draft.putAll(Api.fields(fields));
        return draft;
    }

    /** Returns an action as Zou stores it. */
    static Map<String, Object> stored(String name, Object... fields) {
        Map<String, Object> action = new LinkedHashMap<>(Map.of("id", UUID.randomUUID().toString()));
        action.putAll(draft(name, fields));
        return action;
    }

    /** Creates an action on Kitsu's path and returns its id. */
    static String create(String name, Object... fields) {
        return (String) answer(201, admin().body(draft(name, fields)).post(PATH)).get("id");
    }

    static Response put(String id, Map<String, ?> change) {
        return admin().body(change).put(PATH + "/" + id);
    }

    /** Reads an action on Kitsu's path. */
    static Map<String, Object> read(String id) {
        return answer(200, admin().get(PATH + "/" + id));
    }

    /** Reads an action on our own path, with sorted fields. */
    static Map<String, Object> ours(String id) {
        return new TreeMap<>(answer(200, admin().get(Api.ACTIONS + "/" + id)));
    }

    /** Lists the actions on our own path whose names contain a text. */
    static List<Map<String, Object>> search(String text) {
        return Json.of(200, BesideKitsu.as("admin").get(Api.ACTIONS + "?q=" + text)).getList("data");
    }

    /** Lists the actions in Zou itself. */
    static List<Map<String, Object>> theirs() {
        return objects(BesideKitsu.as("admin").get(FakeZou.shared().url() + "/data/custom-actions"));
    }

    /** Returns one field of each row of a table in an answer. */
    static List<Object> column(Map<String, Object> answer, String table, String name) {
        return ((List<?>) answer.get(table)).stream().<Object> map(row -> ((Map<?, ?>) row).get(name)).toList();
    }

    static List<Map<String, Object>> list(String query) {
        return list(admin(), query);
    }

    static List<Map<String, Object>> list(RequestSpecification as, String query) {
        return objects(as.get(PATH + query));
    }

    /** Returns the answer's array. */
    static List<Map<String, Object>> objects(Response answer) {
        assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(200);
        return JSON.convertValue(json(answer), new TypeReference<List<Map<String, Object>>>() {
        });
    }

    /** Checks the status and returns the answer's object. */
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

    /** Checks a problem, including the fields that clients written for Zou read. */
    static JsonNode refused(int status, String code, Response answer) {
        assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(status);
        assertThat(answer.contentType()).startsWith("application/problem+json");
        JsonNode problem = json(answer);
        assertThat(problem.get("code").asText()).isEqualTo(code);
        assertThat(problem.get("error").asBoolean()).isTrue();
        assertThat(problem.get("message").asText()).isNotBlank();
        return problem;
    }

    /** Checks a problem with one wrong field in the body. */
    static void refusedField(String pointer, String code, Response answer) {
        JsonNode problem = refused(400, "invalid_body", answer);
        assertThat(problem.findValuesAsText("pointer")).containsExactly(pointer);
        assertThat(problem.get("errors").get(0).get("code").asText()).isEqualTo(code);
    }

    /** Returns the body that the action panel sends for an AJAX action. Its user and page are unverified claims. */
    static Map<String, Object> press(String task) {
        return Map.of("entitytype", "shot", "originurl", "/productions/1/shots", "originserver", "kitsu.studio", "selection",
                List.of(task), "productionid", "1", "userid", "2", "useremail", "somebody@else.com");
    }

    static String runPath(String id) {
        return PATH + "/" + id + "/run";
    }

    static String openPath(String id) {
        return PATH + "/" + id + "/open";
    }

    static Response run(RequestSpecification as, String id, String task) {
        return as.body(press(task)).post(runPath(id));
    }

    static Response open(RequestSpecification as, String id, String task) {
        return as.contentType(ContentType.URLENC).body("selection=" + task).redirects().follow(false)
                .post(openPath(id));
    }

    record Answered(int status, String text) {

        JsonNode body() throws IOException {
            return JSON.readTree(text.substring(text.indexOf("\r\n\r\n") + 4));
        }
    }

    /** Sends JSON as the admin, with path and host exactly as given. HTTP clients would normalize them. */
    static Answered raw(String verb, String path, String host, String body) throws IOException {
        return raw(verb + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + TOKEN
                + "\r\nContent-Type: application/json\r\n", body);
    }

    /** @param head the request line and headers, each with its line end; without Connection and Content-Length */
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

    /** Returns the Authorization header line for {@link #raw(String, String)}; empty for nobody. */
    static String bearer(String person) {
        return person.equals(NOBODY) ? "" : "Authorization: Bearer " + BesideKitsu.token(person) + "\r\n";
    }
}
