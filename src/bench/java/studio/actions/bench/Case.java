package studio.actions.bench;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** A measurement of the service beside a ceiling. Closing it stops all that it started. */
interface Case extends AutoCloseable {

    /**
     * A row of the table.
     *
     * @param unit the unit of both figures
     * @param goal the bound for the ratio of our figure to the ceiling's
     * @param atMost whether the goal is an upper bound, as for times, or a lower one, as for rates
     */
    record Row(String name, String ceiling, String unit, double goal, boolean atMost) {

        static Row atLeast(double goal, String name, String ceiling, String unit) {
            return new Row(name, ceiling, unit, goal, false);
        }

        static Row atMost(double goal, String name, String ceiling, String unit) {
            return new Row(name, ceiling, unit, goal, true);
        }
    }

    /** Our figure and the ceiling's from one round. */
    record Pair(double ours, double ceiling) {
    }

    /**
     * Runs rounds that do not count for the given time. Two cores need long to compile code that is called only some hundred
     * times a second. Cases whose ceiling needs no warm-up leave it out.
     */
    default void warmUp(Duration time) throws Exception {
        long since = System.nanoTime();
        while (System.nanoTime() - since < time.toNanos()) {
            round();
        }
    }

    /** Measures one round and returns the figures of each row. Each is measured in turn with its ceiling. */
    Map<Row, Pair> round() throws Exception;

    @Override
    void close() throws IOException;

    /** Returns further observations, as sentences below the table. */
    default List<String> notes() {
        return List.of();
    }
}
