package studio.actions.testing;

import static io.restassured.RestAssured.given;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

import io.restassured.http.ContentType;
import io.restassured.specification.RequestSpecification;

/**
 * The service beside a Kitsu: {@link FakeZou}, or a real Zou if the environment has {@code TEST_ZOU_URL} and the tokens
 * {@code TEST_ZOU_TOKEN_ADMIN}, {@code …_MANAGER}, {@code …_SUPERVISOR}, {@code …_USER}, {@code …_CLIENT},
 * {@code …_VENDOR} and {@code …_BOT}. Tests that script Zou are skipped beside a real Zou: {@link #fake}.
 */
public class BesideKitsu extends Services {

    private static final Optional<String> REAL = Optional.ofNullable(System.getenv("TEST_ZOU_URL"));

    public static final String PATH = "/api/data/custom-actions";

    @Override
    public Map<String, String> start() {
        Map<String, String> settings = new HashMap<>(super.start());
        settings.put("custom-actions.zou.url", REAL.orElseGet(() -> FakeZou.shared().url()));
        settings.put("custom-actions.zou.identity-cache", "3s");
        return settings;
    }

    /** Returns whether Zou is the fake, which tests can script. */
    public static boolean fake() {
        return REAL.isEmpty();
    }

    /** Returns a token of this person; with the fake, a new token for each call. */
    public static String token(String person) {
        return fake() ? FakeZou.shared().login(person)
                : Optional.ofNullable(System.getenv("TEST_ZOU_TOKEN_" + person.toUpperCase(Locale.ROOT)))
                        .orElseThrow(() -> new IllegalStateException("There is no token for " + person));
    }

    /** Returns a request as this person, to which a JSON body can be added. */
    public static RequestSpecification as(String person) {
        return with(token(person));
    }

    /** Returns a request with this token, to which a JSON body can be added. */
    public static RequestSpecification with(String token) {
        return given().header("Authorization", "Bearer " + token).contentType(ContentType.JSON).urlEncodingEnabled(false);
    }

    /** Creates an AJAX action as an admin, on the service's own path, and returns its id. */
    public static String ajax(String url, Object... fields) {
        Map<String, Object> draft = draft(fields);
        draft.put("url", url);
        draft.put("is_ajax", true);
        return create(draft);
    }

    /** Creates an action that the browser opens, and returns its id. */
    public static String opened(String url, Object... fields) {
        Map<String, Object> draft = draft(fields);
        draft.put("url", url);
        return create(draft);
    }

    /** Returns a draft like {@link Api#draft} under a name that no other action has: beside Kitsu, names differ. */
    public static Map<String, Object> draft(Object... fields) {
        Map<String, Object> draft = Api.draft(fields);
        if (!Arrays.asList(fields).contains("name")) {
            draft.put("name", "Sync " + UUID.randomUUID().toString().substring(0, 13));
        }
        return draft;
    }

    private static String create(Map<String, Object> draft) {
        return Api.id(as("admin").body(draft).post(Api.ACTIONS));
    }
}
