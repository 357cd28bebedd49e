package studio.actions.page;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.UUID;

import org.junit.jupiter.api.Test;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;

/** The list of actions: what admins and other people see, and the buttons of admins. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class ActionsScreenTest {

    private static final String SCREEN = "/api/custom-actions/app/actions";

    private final String name = "Sync " + UUID.randomUUID().toString().substring(0, 13);

    @Test
    void showsFieldsOfActionsToAdmins() {
        BesideKitsu.ajax("https://api.studio.com/sync?e={entity_id}", "name", name, "roles", List.of("user"), "entity_type",
                "asset", "description", "Sends <b>assets</b>");

        String page = page("admin", "?q=" + name.replace(" ", "+"));

        assertThat(page).contains(name, "Sent by the service", "Assets", "artists",
                "https://api.studio.com/sync?e={entity_id}", "Sends &lt;b&gt;assets&lt;/b&gt;", "not pressed", "Edit",
                "Duplicate")
                .doesNotContain("<b>assets");
    }

    @Test
    void showsOtherPeopleOnlyWhatTheyMayPress() {
        BesideKitsu.ajax("https://api.studio.com/hidden", "name", name, "description", "For everybody");
        BesideKitsu.ajax("https://api.studio.com/x", "name", name + " managers", "roles", List.of("manager"));
        BesideKitsu.opened("https://tool.studio.com/y", "name", name + " vendors", "roles", List.of("vendor"));

        assertThat(page("user", "")).contains(name, "For everybody").doesNotContain(name + " managers", "api.studio.com",
                name + " vendors", ">Stop<", ">Edit<");
        assertThat(page("vendor", "")).contains(name + " vendors", "Opens a tab").doesNotContain(name + " managers",
                "tool.studio.com");
    }

    @Test
    void changesNothingForOtherPeople() {
        String action = BesideKitsu.ajax("https://api.studio.com/x", "name", name);

        for (String person : List.of("manager", "supervisor", "user", "client", "vendor")) {
            for (String verb : List.of("stop", "start", "delete", "restore")) {
                form(BesideKitsu.as(person)).post(SCREEN + "/" + action + "/" + verb).then().statusCode(403);
            }
        }

        assertThat(read(action).<Boolean> get("enabled")).isTrue();
    }

    @Test
    void stopsAction() {
        String action = BesideKitsu.ajax(Receiver.shared().url("/later"), "name", name);

        Response stopped = form(BesideKitsu.as("admin")).post(SCREEN + "/" + action + "/stop");

        assertThat(stopped.statusCode()).isEqualTo(303);
        assertThat(read(action).<Boolean> get("enabled")).isFalse();
        assertThat(follow(stopped)).contains(name + " is off. No delivery was pending.", "Switch on");
        assertThat(follow(form(BesideKitsu.as("admin")).post(SCREEN + "/" + action + "/start"))).contains(name + " is on.");
    }

    @Test
    void deletesAndRestoresAction() {
        String action = BesideKitsu.ajax("https://api.studio.com/x", "name", name);

        assertThat(follow(form(BesideKitsu.as("admin")).post(SCREEN + "/" + action + "/delete"))).contains(
                name + " was deleted.");
        assertThat(page("admin", "?show=deleted")).contains(name, "/" + action + "/restore");
        assertThat(follow(form(BesideKitsu.as("admin")).post(SCREEN + "/" + action + "/restore"))).contains(name + " is back");
        assertThat(page("admin", "?show=deleted")).doesNotContain("/" + action + "/restore");
    }

    @Test
    void saysWhyChangeWasRefused() {
        String action = BesideKitsu.ajax("https://api.studio.com/x", "name", name);

        assertThat(follow(form(BesideKitsu.as("admin")).post(SCREEN + "/" + action + "/restore"))).contains(
                name + " was not restored: This action is not deleted");
    }

    @Test
    void showsRefusedFormWithLinkToEditor() {
        BesideKitsu.as("admin").body(Map.of("name", name + "<b>", "url", "http://farm.lan/submit", "entity_type", "shot",
                "is_ajax", true)).post(BesideKitsu.PATH).then().statusCode(400);
        String form = Json.of(200, BesideKitsu.as("admin").get(Api.ACTIONS + "/refused-forms")).getString("data[0].id");

        assertThat(page("admin", "")).contains(name + "&lt;b&gt;", "http://farm.lan/submit", "CUSTOM_ACTIONS_EGRESS_ALLOW",
                "/new?form=" + form);
        assertThat(html(BesideKitsu.as("admin")).get(SCREEN + "/new?form=" + form).asString()).contains(
                "value=\"" + name + "&lt;b&gt;\"", "value=\"http://farm.lan/submit\"", "<option value=\"shot\" selected>",
                "CUSTOM_ACTIONS_EGRESS_ALLOW", "id=\"url-error\"");
    }

    private static String page(String person, String query) {
        Response page = html(BesideKitsu.as(person)).get(SCREEN + query);
        assertThat(page.statusCode()).as(page.asString()).isEqualTo(200);
        return page.asString();
    }

    private static String follow(Response redirect) {
        assertThat(redirect.statusCode()).as(redirect.asString()).isEqualTo(303);
        return html(BesideKitsu.as("admin")).get(redirect.header("Location")).asString();
    }

    private static RequestSpecification html(RequestSpecification request) {
        return request.accept("text/html");
    }

    private static RequestSpecification form(RequestSpecification request) {
        return html(request).contentType(ContentType.URLENC).redirects().follow(false);
    }

    private static Json read(String action) {
        return Json.of(200, BesideKitsu.as("admin").get(Api.ACTIONS + "/" + action));
    }
}
