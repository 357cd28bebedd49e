package studio.actions.kitsu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.startsWith;
import static studio.actions.testing.BesideKitsu.zou;
import static studio.actions.testing.Json.has;

import java.io.IOException;
import java.util.List;
import java.util.UUID;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.response.Response;
import io.restassured.response.ValidatableResponse;
import io.restassured.specification.RequestSpecification;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou.Fault;
import studio.actions.testing.Raw;

/** The page in the tab that Kitsu's form opens, if the press is refused. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class RefusalPagesTest {

    private static final String BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    private String opened;

    @BeforeEach
    void make() {
        opened = BesideKitsu.opened("https://tool.studio.com/{entity_id}");
    }

    @Test
    void linksToSignInForInvalidToken() {
        page(pressed(RestAssured.given(), opened), 401, "You are signed out of Kitsu", "press the button again")
                .body(containsString("href=\"/\""));
        page(pressed(BesideKitsu.with("garbage"), opened), 422, "You are signed out of Kitsu");
        String expired = BesideKitsu.token("user");
        zou().expire(expired);
        page(pressed(BesideKitsu.with(expired), opened), 401, "You are signed out of Kitsu");
    }

    @Test
    void saysThatAnActionIsGone() {
        BesideKitsu.as("admin").delete(BesideKitsu.PATH + "/" + opened).then().statusCode(204);

        page(pressed(BesideKitsu.as("user"), opened), 404, "This action is gone", "Reload Kitsu");
    }

    @Test
    void saysThatAnActionIsDisabled() {
        String disabled = BesideKitsu.opened("https://tool.studio.com/{entity_id}", "enabled", false);

        page(pressed(BesideKitsu.as("admin"), disabled), 409, "This action is disabled");
        page(pressed(BesideKitsu.as("user"), disabled), 404, "This action is gone");
    }

    @Test
    void asksToReloadKitsuForAjaxAction() {
        page(pressed(BesideKitsu.as("user"), BesideKitsu.ajax("https://api.studio.com/x")), 409, "Reload Kitsu",
                "changed after Kitsu was loaded");
    }

    @Test
    void explainsEmptySelection() {
        page(form(BesideKitsu.as("user"), opened, "selection="), 400, "Nothing is selected", "some versions of Kitsu");
        page(form(BesideKitsu.as("user"), opened, ""), 400, "Nothing is selected");
    }

    @Test
    void opensAddressWithoutVariablesForAnySelection() {
        String wiki = BesideKitsu.opened("https://wiki.studio.com/how-to");

        for (String form : List.of("", "selection=", "selection=" + zou().shot("SH010").id())) {
            form(BesideKitsu.as("user"), wiki, form).then().statusCode(307).header("Location",
                    equalTo("https://wiki.studio.com/how-to#"));
        }
        form(BesideKitsu.as("user"), BesideKitsu.opened("rv://start", "entity_type", "shot"), "").then().statusCode(200)
                .body(containsString("href=\"rv://start\""));
        page(form(BesideKitsu.as("client"), wiki, ""), 404, "This action is gone");
        page(form(BesideKitsu.as("user"), BesideKitsu.opened("https://wiki.studio.com/", "project_ids",
                List.of(zou().recordedShot().projectId())), ""), 400, "Nothing is selected");
    }

    @Test
    void saysThatKitsuDoesNotAnswer() {
        String token = BesideKitsu.token("user");
        zou().fault(token, "/data/tasks", Fault.error);

        page(pressed(BesideKitsu.with(token), opened), 503, "Kitsu does not answer", "Try again in 5 seconds");
    }

    @ParameterizedTest
    @CsvSource({ "run, GET", "open, GET", "run, PUT", "open, DELETE" })
    void explainsTriggerLinkOpenedByHand(String verb, String method) {
        String link = BesideKitsu.PATH + "/" + opened + "/" + verb + "?v=1";

        page(BesideKitsu.as("user").accept(BROWSER).request(method, link), 405, "This link is for Kitsu's action panel",
                "The link works", "Select a task in Kitsu");
        BesideKitsu.as("user").request(method, link).then().statusCode(405).contentType(startsWith("application/problem+json"));
    }

    /** Kitsu's page may still show the link from before the action's kind was changed. */
    @Test
    void refusesFormSentToRunLink() {
        String sent = BesideKitsu.ajax("https://api.studio.com/x");

        page(BesideKitsu.as("user").contentType("application/x-www-form-urlencoded").accept(BROWSER)
                .body("selection=" + UUID.randomUUID()).post(BesideKitsu.PATH + "/" + sent + "/run"), 415,
                "Unsupported media type");
    }

    @Test
    void refusesFormOfAnotherSiteWithPage() {
        page(RestAssured.given().cookie("access_token_cookie", BesideKitsu.token("user"))
                .header("Origin", "https://evil.example")
                .contentType("application/x-www-form-urlencoded").accept(BROWSER).body("selection=" + UUID.randomUUID())
                .post(BesideKitsu.PATH + "/" + opened + "/open"), 403, "Cross-site request refused");
    }

    /** Requests that are refused before they reach the resource also get a page. */
    @Test
    void answersUnreadableRequestWithPage() throws IOException {
        try (Raw raw = new Raw("localhost", RestAssured.port)) {
            assertThat(raw.send("POST " + BesideKitsu.PATH + "/" + opened + "/open HTTP/1.1\r\nHost: a\r\nHost: b\r\nAccept: "
                    + BROWSER + "\r\nContent-Length: 0\r\n\r\n").hear()).startsWith("HTTP/1.1 400 ")
                    .containsIgnoringCase("content-type: text/html;charset=utf-8").contains("Name one host");
        }
        String tooLong = "selection=" + "x".repeat(2 * 1024 * 1024);
        page(form(BesideKitsu.as("user"), opened, tooLong), 413, "Content too large");
    }

    @ParameterizedTest
    @ValueSource(strings = { "application/json", "*/*", "application/json, text/plain, */*", "" })
    void answersXhrsAndScriptsWithProblems(String accept) {
        RequestSpecification request = BesideKitsu.as("user").contentType("application/x-www-form-urlencoded")
                .redirects().follow(false).body("");

        (accept.isEmpty() ? request : request.header("Accept", accept)).post(BesideKitsu.PATH + "/" + opened + "/open").then()
                .statusCode(400).contentType(startsWith("application/problem+json"))
                .body(has("errors[0].code", equalTo("empty_selection")));
    }

    @Test
    void answersApiRequestsWithProblems() {
        BesideKitsu.as("user").accept(BROWSER).get("/api/custom-actions/" + UUID.randomUUID()).then()
                .contentType(startsWith("application/problem+json"));
    }

    @Test
    void escapesMessagesOfZou() {
        String token = BesideKitsu.token("user");
        zou().answer(token, "/auth", 403, "{\"message\": \"<script>alert(1)</script> & more\"}");

        page(pressed(BesideKitsu.with(token), opened), 403, "Permission denied")
                .body(containsString("&lt;script&gt;alert(1)&lt;/script&gt; &amp; more"));
    }

    private static ValidatableResponse page(Response answer, int status, String title,
            String... words) {
        ValidatableResponse page = answer.then().statusCode(status)
                .contentType("text/html;charset=utf-8").header("Location", equalTo(null))
                .header("Cache-Control", equalTo("no-store")).header("Referrer-Policy", equalTo("no-referrer"))
                .header("Content-Security-Policy", containsString("frame-ancestors 'none'"))
                .body(containsString("<h1>" + title.replace("'", "&#39;") + "</h1>"));
        assertThat(answer.headers().getValues("Content-Security-Policy")).hasSize(1);
        assertThat(answer.asString()).doesNotContain("<script");
        for (String word : words) {
            page.body(containsString(word));
        }
        return page;
    }

    private static Response pressed(RequestSpecification request, String action) {
        return form(request, action, "selection=" + zou().shot("SH010").id());
    }

    private static Response form(RequestSpecification request, String action, String form) {
        return request.contentType("application/x-www-form-urlencoded").accept(BROWSER).redirects().follow(false).body(form)
                .post(BesideKitsu.PATH + "/" + action + "/open?v=1");
    }
}
