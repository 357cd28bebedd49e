package studio.actions.contract;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.problem.Problem;
import studio.actions.testing.BesideKitsu;

/** What the service says of itself is what was agreed. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class GoldenTest {

    private static final Path GOLDEN = Path.of("src/main/openapi/openapi.yaml");
    private static final Path EMITTED = Path.of("target/openapi.yaml");

    @Test
    void saysWhatWasAgreed() throws IOException {
        String emitted = given().queryParam("format", "yaml").get("/api/custom-actions/openapi").then().statusCode(200)
                .extract()
                .asString();
        Files.writeString(EMITTED, emitted);
        assertThat(emitted).as("""
                The service describes itself otherwise than %s. If the change is wanted, look at it and accept it:
                    cp %s %s
                """, GOLDEN, EMITTED, GOLDEN).isEqualTo(Files.exists(GOLDEN) ? Files.readString(GOLDEN) : "");
    }

    @Test
    void theReadmeNamesEveryCode() throws IOException {
        String readme = Files.readString(Path.of("README.md"));
        assertThat(Stream.of(Problem.Code.values()).map(Problem.Code::wire)).allSatisfy(
                code -> assertThat(readme).contains("`" + code + "`"));
    }
}
