package studio.actions.page;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.allOf;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.nullValue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import studio.actions.testing.Api;
import studio.actions.testing.Services;

/** The sign-in to the page without Kitsu, and its session. */
@QuarkusTest
@WithTestResource(Services.class)
class SignInTest {

    private static final String APP = "/api/custom-actions/app";
    private static final String COOKIE = "kitsu-actions-session";

    private static RequestSpecification browser() {
        return given().redirects().follow(false).accept("text/html").header("Sec-Fetch-Site", "same-origin");
    }

    private static Response signIn(String token, String next) {
        return browser().contentType(ContentType.URLENC).formParam("token", token).formParam("next", next)
                .post(APP + "/sign-in");
    }

    private static String session() {
        return signIn(Services.TOKEN, APP + "/runs").then().statusCode(303).extract().cookie(COOKIE);
    }

    @Test
    void rootLeadsToThePageAndThePageToTheSignIn() {
        browser().get("/").then().statusCode(303).header("Location", containsString(APP));
        browser().get(APP + "/runs?q=SH010").then().statusCode(303)
                .header("Location", containsString("/app/sign-in?next=%2Fapi%2Fcustom-actions%2Fapp%2Fruns%3Fq%3DSH010"));
    }

    @Test
    void scriptsGetAProblemInsteadOfTheSignIn() {
        given().redirects().follow(false).get(APP + "/runs").then().statusCode(401).body("code", equalTo("unauthenticated"));
    }

    @Test
    void theTokenOpensASessionOfTwelveHours() {
        Response answer = signIn(Services.TOKEN, APP + "/runs?q=SH010");

        answer.then().statusCode(303).header("Location", containsString(APP + "/runs?q=SH010"));
        assertThat(answer.header("Set-Cookie")).contains("HTTPOnly", "SameSite=Strict", "Path=/api/custom-actions",
                "Max-Age=43200").doesNotContain("Secure");
        browser().cookie(COOKIE, answer.cookie(COOKIE)).get(APP + "/runs").then().statusCode(200)
                .body(containsString("Local admin"));
        given().cookie(COOKIE, answer.cookie(COOKIE)).get(Api.RUNS).then().statusCode(200);
    }

    @Test
    void aWrongTokenIsRefusedWithASentence() {
        signIn("not-the-token-of-this-service", APP + "/runs").then().statusCode(401)
                .body(containsString("This is not the token.")).header("Set-Cookie", nullValue());
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://evil.example.com/", "//evil.example.com", "/api/custom-actions/app/../../x\\",
            "/api/custom-actions/application", "" })
    void leadsToNoOtherSite(String next) {
        signIn(Services.TOKEN, next).then().statusCode(303).header("Location", containsString(APP + "/runs"));
    }

    @Test
    void signingOutEndsTheSession() {
        String session = session();

        browser().cookie(COOKIE, session).contentType(ContentType.URLENC).post(APP + "/sign-out").then().statusCode(303)
                .header("Set-Cookie", containsString("Max-Age=0"));

        browser().cookie(COOKIE, session).get(APP + "/runs").then().statusCode(303);
    }

    @ParameterizedTest
    @ValueSource(strings = { "x", "1.2.3", "99999999999.abc", ".", "9999999999.6f2d.0000" })
    void aForgedCookieIsNoSession(String cookie) {
        browser().cookie(COOKIE, cookie).get(APP + "/runs").then().statusCode(303);
    }

    @ParameterizedTest
    @ValueSource(strings = { "cross-site", "same-site" })
    void anotherSiteCannotUseTheSession(String site) {
        String session = session();

        given().cookie(COOKIE, session).header("Sec-Fetch-Site", site).contentType(ContentType.JSON)
                .body(Api.draft("name", Api.unique("Foreign"))).post(Api.ACTIONS).then().statusCode(403)
                .body("code", equalTo("cross_site"));
        given().cookie(COOKIE, session).header("Sec-Fetch-Site", "same-origin").contentType(ContentType.JSON)
                .body(Api.draft("name", Api.unique("Own"))).post(Api.ACTIONS).then().statusCode(201);
    }

    @Test
    void anotherSiteCannotSignIn() {
        given().redirects().follow(false).header("Sec-Fetch-Site", "cross-site").contentType(ContentType.URLENC)
                .formParam("token", Services.TOKEN).post(APP + "/sign-in").then().statusCode(403);
    }

    @Test
    void everyAnswerOfThePageMayBeFramedByItsOwnSiteOnly() {
        String session = session();
        for (String path : new String[] { "/runs", "/runs/6f2d7f0e-2f43-4b3c-8d5c-0a7a4a7e7f10", "/nothing" }) {
            browser().cookie(COOKIE, session).get(APP + path).then().header("X-Frame-Options", "SAMEORIGIN")
                    .header("Content-Security-Policy", allOf(containsString("frame-ancestors 'self'"),
                            not(containsString("unsafe"))))
                    .header("Cache-Control", "no-store").contentType(ContentType.HTML);
        }
    }

    @Test
    void assetsAreKeptForAYear() {
        String page = browser().get(APP + "/sign-in").then().statusCode(200).extract().asString();
        String folder = page.replaceAll("(?s).*href=\"([^\"]*)/page\\.css\".*", "$1");
        for (String name : new String[] { "page.css", "page.js", "htmx.min.js", "icon.svg" }) {
            given().get(folder + "/" + name).then().statusCode(200)
                    .header("Cache-Control", "public, max-age=31536000, immutable");
        }
        given().get(folder + "/other.js").then().statusCode(404);
        given().get(APP + "/assets/000000000000/page.css").then().statusCode(404);
    }
}
