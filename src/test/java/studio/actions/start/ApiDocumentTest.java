package studio.actions.start;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.startsWith;

import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import studio.actions.testing.Api;
import studio.actions.testing.Json;
import studio.actions.testing.Services;

/** The API's description, which needs no token. */
@QuarkusTest
@WithTestResource(Services.class)
class ApiDocumentTest {

    private static final String DOCUMENT = Api.ACTIONS + "/openapi";
    private static final Path SOURCE = Path.of("src/main/resources/META-INF/openapi.yaml");

    @Test
    void equalsItsSourceFile() throws Exception {
        String yaml = given().get(DOCUMENT).then().statusCode(200).extract().asString();
        String json = given().get(DOCUMENT + "?format=json").then().statusCode(200).extract().asString();

        assertThat(yaml).isEqualTo(Files.readString(SOURCE));
        assertThat(new ObjectMapper().readTree(json)).isEqualTo(new YAMLMapper().readTree(yaml));
    }

    @ParameterizedTest
    @CsvSource(nullValues = "none", value = {
            "none, none, application/yaml",
            "none, */*, application/yaml",
            "none, application/yaml, application/yaml",
            "none, application/json, application/json",
            "none, 'application/json, */*;q=0.1', application/json",
            "json, none, application/json",
            "json, text/html, application/json",
            "yaml, application/json, application/yaml" })
    void isServedInTheRequestedFormat(String format, String accept, String type) {
        var request = given();
        if (accept != null) {
            request.header("Accept", accept);
        }
        request.get(DOCUMENT + (format == null ? "" : "?format=" + format)).then().statusCode(200)
                .contentType(startsWith(type + ";charset=UTF-8"));
    }

    /** Swagger UI shows these examples first. They must work in a first run without Kitsu. */
    @Test
    void firstExamplesWorkWithoutKitsu() throws Exception {
        JsonNode paths = new YAMLMapper().readTree(SOURCE.toFile()).get("paths");
        String draft = example(paths, Api.ACTIONS).replace("127.0.0.1:8080", "127.0.0.1:" + RestAssured.port);

        String action = Api.id(Api.admin().body(draft).post(Api.ACTIONS));
        Json run = Json.of(200, Api.admin().body(example(paths, Api.ACTIONS + "/{id}/run"))
                .post(Api.ACTIONS + "/" + action + "/run"));

        assertThat(run.getString("state")).as(run.prettify()).isEqualTo("succeeded");
        assertThat(run.getString("deliveries[0].response")).contains("/api/custom-actions/echo?shot=");
    }

    private static String example(JsonNode paths, String path) {
        return paths.get(path).at("/post/requestBody/content/application~1json/examples").elements().next().get("value")
                .toString();
    }

    @Test
    void refusesOtherFormats() {
        given().get(DOCUMENT + "?format=xml").then().statusCode(400).contentType("application/problem+json");
        given().header("Accept", "text/html").get(DOCUMENT).then().statusCode(406);
    }
}
