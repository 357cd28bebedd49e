package studio.actions.testing;

import static io.restassured.RestAssured.given;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;

/** Requests to the service, as a client sends them. */
public final class Api {

    public static final String ACTIONS = "/api/custom-actions";

    private Api() {
    }

    /** Returns a request as the admin, to which a JSON body can be added. */
    public static RequestSpecification admin() {
        return given().header("Authorization", "Bearer " + Services.TOKEN).contentType(ContentType.JSON)
                .urlEncodingEnabled(false);
    }

    /** Returns a valid draft of an action with these fields: name, value, name, value … */
    public static Map<String, Object> draft(Object... fields) {
        Map<String, Object> draft = new LinkedHashMap<>(Map.of("name", "Sync", "url", "https://api.studio.com/sync"));
        for (int i = 0; i < fields.length; i += 2) {
            draft.put((String) fields[i], fields[i + 1]);
        }
        return draft;
    }

    public static Response create(Map<String, Object> draft) {
        return admin().body(draft).post(ACTIONS);
    }

    /** Creates an AJAX action with this URL and returns its id. */
    public static String ajax(String url, Object... fields) {
        Map<String, Object> draft = draft(fields);
        draft.put("url", url);
        draft.put("is_ajax", true);
        return id(create(draft));
    }

    /** Returns the id of the created object. */
    public static String id(Response created) {
        created.then().statusCode(201);
        return Json.of(created).get("id");
    }

    public static Map<String, Object> target(Object... fields) {
        Map<String, Object> target = new LinkedHashMap<>();
        for (int i = 0; i < fields.length; i += 2) {
            target.put((String) fields[i], fields[i + 1]);
        }
        return target;
    }

    public static Map<String, Object> shot() {
        return target("entity_id", UUID.randomUUID().toString(), "entity_type", "shot");
    }

    public static Response run(String action, List<?> targets) {
        return admin().body(Map.of("targets", targets)).post(ACTIONS + "/" + action + "/run");
    }

    /** Presses on one shot and returns the ended run. */
    public static Json press(String action) {
        return Json.of(run(action, List.of(shot())).then().statusCode(200).extract());
    }
}
