package studio.actions.bench;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** What is measured beside its ceiling. Whatever it starts it ends, when it is closed. */
interface Case extends AutoCloseable {

    /**
     * A row of the table.
     *
     * @param unit of both figures
     * @param goal how many times the ceiling: at least so many, or, where it is a time, at the most
     */
    record Row(String name, String ceiling, String unit, double goal, boolean atMost) {

        static Row atLeast(double goal, String name, String ceiling, String unit) {
            return new Row(name, ceiling, unit, goal, false);
        }

        static Row atMost(double goal, String name, String ceiling, String unit) {
            return new Row(name, ceiling, unit, goal, true);
        }
    }

    /** Ours and the ceiling's, of one round. */
    record Pair(double ours, double ceiling) {
    }

    /**
     * Goes on for so long before anything counts: two cores take their time to compile what is called some hundred times a
     * second. A ceiling that needs no warming is left out.
     */
    default void warmUp(Duration time) throws Exception {
        long since = System.nanoTime();
        while (System.nanoTime() - since < time.toNanos()) {
            round();
        }
    }

    /** What there is to measure; one round, each beside its ceiling, in turn. */
    Map<Row, Pair> round() throws Exception;

    @Override
    void close() throws IOException;

    /** What else was seen, in sentences for below the table. */
    default List<String> notes() {
        return List.of();
    }
}
