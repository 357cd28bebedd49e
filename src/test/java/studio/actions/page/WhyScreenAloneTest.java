package studio.actions.page;

import static org.hamcrest.Matchers.allOf;
import static org.hamcrest.Matchers.containsString;

import java.util.List;
import java.util.UUID;

import org.junit.jupiter.api.Test;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.testing.Api;
import studio.actions.testing.Services;

/** The screen Why? of a service without Kitsu. */
@QuarkusTest
@WithTestResource(Services.class)
class WhyScreenAloneTest {

    @Test
    void saysTheRulesOfEachAction() {
        String production = UUID.randomUUID().toString();
        Api.ajax("https://api.studio.com/x", "name", "<b>Alone</b>", "roles", List.of("manager", "vendor"), "entity_type",
                "edit",
                "project_ids", List.of(production));

        Api.admin().accept("text/html").get(Api.ACTIONS + "/app/why").then().statusCode(200)
                .body(allOf(containsString("Without Kitsu there are no people"), containsString("&lt;b&gt;Alone&lt;/b&gt;"),
                        containsString("For managers and vendors."), containsString("Only " + production + "."),
                        containsString("For edits.")));
    }
}
