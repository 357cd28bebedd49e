package studio.actions.egress;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RetryAfterTest {

    private static final Instant NOW = Instant.parse("2026-11-26T12:00:00Z");

    @ParameterizedTest
    @CsvSource({ "0,0", "1,1", "120,120", "' 30 ',30", "99999999999999999999,999999999" })
    void readsSeconds(String header, long seconds) {
        assertThat(RetryAfter.of(header, null, NOW)).isEqualTo(Duration.ofSeconds(seconds));
    }

    @Test
    void readsATime() {
        assertThat(RetryAfter.of("Thu, 26 Nov 2026 12:01:30 GMT", null, NOW)).isEqualTo(Duration.ofSeconds(90));
    }

    /** The obsolete date formats of RFC 9110, section 5.6.7, and seconds since 1970, which some servers send. */
    @ParameterizedTest
    @ValueSource(strings = { "Thursday, 26-Nov-26 12:01:30 GMT", "Thu Nov 26 12:01:30 2026", "1795694490" })
    void readsATimeInEveryForm(String header) {
        assertThat(RetryAfter.of(header, null, NOW)).isEqualTo(Duration.ofSeconds(90));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = { "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "1000000000" })
    void treatsATimeLongAgoAsNow(String header) {
        assertThat(RetryAfter.of(header, null, NOW)).isZero();
    }

    @Test
    void readsATimeByTheReceiversOwnClock() {
        assertThat(RetryAfter.of("Thu, 26 Nov 2026 14:01:30 GMT", "Thu, 26 Nov 2026 14:01:00 GMT", NOW))
                .isEqualTo(Duration.ofSeconds(30));
    }

    @Test
    void treatsAPastTimeAsNow() {
        assertThat(RetryAfter.of("Thu, 26 Nov 2026 11:00:00 GMT", null, NOW)).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = { "", "soon", "-1", "1.5", "1e3", "2026-11-26T12:01:30Z", "٣" })
    void ignoresInvalidValues(String header) {
        assertThat(RetryAfter.of(header, null, NOW)).isNull();
    }

    @Test
    void isNullWithoutTheHeader() {
        assertThat(RetryAfter.of(null, null, NOW)).isNull();
    }
}
