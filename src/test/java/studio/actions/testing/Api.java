package studio.actions.testing;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;

import org.awaitility.core.ConditionFactory;

import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;

/** Requests to the service, as a client sends them. */
public final class Api {

    public static final String ACTIONS = "/api/custom-actions";
    public static final String RUNS = ACTIONS + "/runs";

    /** The id of the local admin. */
    public static final String ADMIN = "00000000-0000-4000-8000-000000000001";

    private Api() {
    }

    /** Returns a request as the admin, to which a JSON body can be added. */
    public static RequestSpecification admin() {
        return given().header("Authorization", "Bearer " + Services.TOKEN).contentType(ContentType.JSON)
                .urlEncodingEnabled(false);
    }

    /** Returns a name that no other test has. */
    public static String unique(String name) {
        return name + "-" + UUID.randomUUID();
    }

    // ---- Actions

    /** Returns a valid draft of an action with these fields: name, value, name, value … */
    public static Map<String, Object> draft(Object... fields) {
        Map<String, Object> draft = new LinkedHashMap<>(Map.of("name", "Sync", "url", "https://api.studio.com/sync"));
        draft.putAll(fields(fields));
        return draft;
    }

    /** Turns a draft into an AJAX action with this URL. */
    static Map<String, Object> ajax(Map<String, Object> draft, String url) {
        draft.put("url", url);
        draft.put("is_ajax", true);
        return draft;
    }

    public static Response create(Map<String, Object> draft) {
        return admin().body(draft).post(ACTIONS);
    }

    /** Creates an AJAX action with this URL and returns its id. */
    public static String ajax(String url, Object... fields) {
        return id(create(ajax(draft(fields), url)));
    }

    /** Returns the id of the created object. */
    public static String id(Response created) {
        return Json.of(201, created).get("id");
    }

    /** Changes fields of an action as the caller of the request. */
    public static void change(RequestSpecification as, String action, Map<String, ?> fields) {
        as.body(fields).patch(ACTIONS + "/" + action).then().statusCode(200);
    }

    // ---- Targets

    /** Returns a JSON object with these fields: name, value, name, value … */
    public static Map<String, Object> fields(Object... fields) {
        Map<String, Object> object = new LinkedHashMap<>();
        for (int i = 0; i < fields.length; i += 2) {
            object.put((String) fields[i], fields[i + 1]);
        }
        return object;
    }

    public static Map<String, Object> target(Object... fields) {
        return fields(fields);
    }

    public static Map<String, Object> shot() {
        return target("entity_id", UUID.randomUUID().toString(), "entity_type", "shot");
    }

    public static Map<String, Object> shot(String name) {
        return target("entity_id", UUID.randomUUID().toString(), "entity_type", "shot", "entity_name", name);
    }

    public static List<Map<String, Object>> shots(int count) {
        return Stream.generate(Api::shot).limit(count).toList();
    }

    // ---- Presses

    public static Response run(String action, List<?> targets) {
        return run(admin(), action, Map.of("targets", targets));
    }

    /** Presses as the caller of the request. */
    public static Response run(RequestSpecification as, String action, Map<String, ?> press) {
        return as.body(press).post(ACTIONS + "/" + action + "/run");
    }

    /** Presses on one shot and returns the ended run. */
    public static Json press(String action) {
        return Json.of(200, run(action, List.of(shot())));
    }

    /** Starts a run as the caller of the request and returns the run without waiting for its end. */
    public static Json start(RequestSpecification as, String action, Map<String, ?> press) {
        Response answer = run(as.header("Prefer", "respond-async"), action, press);
        // A run that ends at once is answered with 200.
        assertThat(answer.statusCode()).as(answer.asString()).isIn(200, 202);
        return Json.of(answer);
    }

    /** Starts a run on these targets and returns its id without waiting for its end. */
    public static String start(String action, List<?> targets) {
        return start(admin(), action, Map.of("targets", targets)).get("id");
    }

    /** Starts a run on new shots and returns its id without waiting for its end. */
    public static String start(String action, int shots) {
        return start(action, shots(shots));
    }

    /** Returns the requests that a press would send, for the caller of the request. */
    public static Json preview(RequestSpecification as, String action, Map<String, ?> press) {
        return Json.of(200, as.body(press).post(ACTIONS + "/" + action + "/preview"));
    }

    // ---- Runs

    public static Json read(String run) {
        return read(admin(), run);
    }

    /** Reads a run as the caller of the request. */
    public static Json read(RequestSpecification as, String run) {
        return Json.of(200, as.get(RUNS + "/" + run));
    }

    /** Lists the runs of an action that the caller of the request may see, refused presses included. */
    public static List<Map<String, Object>> runsOf(RequestSpecification as, String action) {
        return Json.of(200, as.get(RUNS + "?action_id=" + action)).getList("data");
    }

    /** Waits up to ten seconds for the end of a run and returns the run. */
    public static Json awaitEnd(String run) {
        return awaitEnd(await(), run);
    }

    public static Json awaitEnd(String run, Duration patience) {
        return awaitEnd(await().atMost(patience), run);
    }

    private static Json awaitEnd(ConditionFactory await, String run) {
        return await.until(() -> read(run), now -> now.getString("finished_at") != null);
    }

    public static void awaitState(String run, String state) {
        await().untilAsserted(() -> assertThat(read(run).getString("state")).isEqualTo(state));
    }

    public static void cancel(String run) {
        admin().post(RUNS + "/" + run + "/cancel").then().statusCode(200);
    }
}
