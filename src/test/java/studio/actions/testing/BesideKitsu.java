package studio.actions.testing;

import static io.restassured.RestAssured.given;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

import io.restassured.http.ContentType;
import io.restassured.response.Response;
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

    /** Returns the fake. Skips the rest of the test beside a real Zou. */
    public static FakeZou zou() {
        assumeTrue(fake());
        return FakeZou.shared();
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
        return create(Api.ajax(draft(fields), url));
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

    /** Presses on these tasks as the caller of the request, on the service's own path. */
    public static Response run(RequestSpecification as, String action, List<String> tasks) {
        return Api.run(as, action, Map.of("selection", tasks));
    }

    /** Starts a run on these tasks and returns the run without waiting for its end. */
    public static Json start(RequestSpecification as, String action, List<String> tasks) {
        return Api.start(as, action, Map.of("selection", tasks));
    }

    /** Waits up to ten seconds for the end of a run and returns the run as this person sees it. */
    public static Json awaitEnd(String person, String run) {
        return await().until(() -> Api.read(as(person), run), now -> now.getString("finished_at") != null);
    }

    /** Returns the ids of an action's runs, refused presses excluded. */
    public static List<String> runsOf(String action) {
        return Api.runsOf(as("admin"), action).stream().filter(run -> !run.get("state").equals("refused"))
                .map(run -> (String) run.get("id")).toList();
    }
}
