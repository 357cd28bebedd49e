package studio.actions.start;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.blankString;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou;

/** The alive check, which nginx sends before each login. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class AliveTest {

    @Test
    void answersWithoutAskingKitsu() {
        String token = BesideKitsu.token("user");

        given().get(Alive.PATH).then().statusCode(204).body(blankString());
        given().header("Authorization", "Bearer " + token).get(Alive.PATH).then().statusCode(204);
        given().header("Authorization", "Bearer garbage").get(Alive.PATH).then().statusCode(204);

        if (BesideKitsu.fake()) {
            assertThat(FakeZou.shared().requests(token)).isEmpty();
        }
    }

    @Test
    void answersWhileAllWorkersAreBusy() {
        CountDownLatch release = new CountDownLatch(1);
        ExecutorService workers = Infrastructure.getDefaultWorkerPool();
        IntStream.range(0, 500).forEach(i -> workers.execute(() -> {
            try {
                release.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        try {
            Response answer = given().get(Alive.PATH);

            assertThat(answer.statusCode()).isEqualTo(204);
            assertThat(answer.time()).isLessThan(Duration.ofSeconds(1).toMillis());
        } finally {
            release.countDown();
        }
    }

    @Test
    void refusesOtherMethods() {
        for (String verb : List.of("POST", "PUT", "DELETE")) {
            assertThat(given().request(verb, Alive.PATH).statusCode()).isIn(400, 401, 404, 405);
        }
    }
}
