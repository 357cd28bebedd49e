package studio.actions.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import studio.actions.egress.FailureKind;
import studio.actions.egress.Reply;

class RetryPolicyTest {

    private static final RandomGenerator RANDOM = new Random(17);

    @ParameterizedTest
    @CsvSource({ "1,5", "2,30", "3,120", "4,600", "5,1800", "6,7200", "7,18000" })
    void waitsLongerAfterEachAttemptWithJitter(int attempt, long seconds) {
        List<Duration> waits = Stream.generate(() -> after(answered(500, null), attempt, 8).orElseThrow()).limit(1000).toList();

        assertThat(waits).allSatisfy(wait -> assertThat(wait.toMillis()).isBetween(seconds * 800, seconds * 1200));
        assertThat(waits).anySatisfy(wait -> assertThat(wait.toMillis()).isLessThan(seconds * 850))
                .anySatisfy(wait -> assertThat(wait.toMillis()).isGreaterThan(seconds * 1150));
    }

    @ParameterizedTest
    @CsvSource({ "1,1,2", "7,7,14", "3600,3600,7200", "0,1,2", "999999999,86400,172800" })
    void waitsBetweenOnceAndTwiceTheTimeInRetryAfter(long asked, long least, long most) {
        List<Duration> waits = Stream.generate(() -> after(answered(503, Duration.ofSeconds(asked)), 1, 2).orElseThrow())
                .limit(1000).toList();

        assertThat(waits).allSatisfy(wait -> assertThat(wait.toMillis()).isBetween(least * 1000, most * 1000));
        assertThat(waits).anySatisfy(wait -> assertThat(wait.toMillis()).isGreaterThan((least + most) * 500));
    }

    @Test
    void doesNotRetryAfterTheLastAttempt() {
        assertThat(after(answered(500, null), 1, 1)).isEmpty();
        assertThat(after(answered(500, null), 7, 8)).isPresent();
        assertThat(after(answered(500, Duration.ofSeconds(1)), 8, 8)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = { 408, 425, 429, 500, 501, 502, 503, 504, 599 })
    void retriesTemporaryStatuses(int status) {
        assertThat(after(answered(status, null), 1, 2)).isPresent();
    }

    @ParameterizedTest
    @ValueSource(ints = { 300, 301, 302, 307, 308, 400, 401, 403, 404, 409, 410, 413, 422, 451, 600 })
    void doesNotRetryPermanentStatuses(int status) {
        assertThat(after(answered(status, Duration.ofSeconds(1)), 1, 2)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(FailureKind.class)
    void retriesOnlyFailuresOfTheNetwork(FailureKind kind) {
        boolean network = List.of("dns", "connect_refused", "connect_timeout", "tls", "timeout", "connection_lost")
                .contains(kind.name());

        assertThat(after(new Reply.Failed(kind, "", null, null, 0, null), 1, 2).isPresent()).isEqualTo(network);
    }

    /** The receiver answered 200, then the connection was lost in the middle of the body. */
    @Test
    void retriesASuccessfulAnswerThatWasCutOff() {
        assertThat(after(new Reply.Failed(FailureKind.connection_lost, "", 200, null, 0, null), 1, 2)).isPresent();
        assertThat(after(new Reply.Failed(FailureKind.too_large, "", 200, null, 0, null), 1, 2)).isEmpty();
    }

    private static Optional<Duration> after(Reply.Failed failed, int attempt, int maxAttempts) {
        return RetryPolicy.after(failed, attempt, maxAttempts, RANDOM);
    }

    private static Reply.Failed answered(int status, Duration retryAfter) {
        FailureKind kind = status == 429 ? FailureKind.rate_limited
                : status < 400 ? FailureKind.redirect : status < 500 ? FailureKind.client_error : FailureKind.server_error;
        return new Reply.Failed(kind, "The receiver answered " + status + ".", status, "", 0, retryAfter);
    }
}
