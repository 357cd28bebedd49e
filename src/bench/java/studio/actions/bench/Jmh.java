package studio.actions.bench;

import java.util.Collection;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

import studio.actions.action.CsvBench;
import studio.actions.action.FillingBench;
import studio.actions.address.AddressPolicyBench;
import studio.actions.webhook.SignatureBench;

/** JMH benchmarks, which need no service. Each class runs in a JVM of its own. */
final class Jmh {

    private Jmh() {
    }

    /** Returns the operations a second, with two threads, of a class with one benchmark. */
    static double perSecond(Class<?> benchmark) throws RunnerException {
        return run(2, benchmark).iterator().next().getPrimaryResult().getScore();
    }

    /** Runs all benchmarks and returns a table. */
    static String table() throws RunnerException {
        StringBuilder table = new StringBuilder(
                "| JMH, one thread | operations a second | bytes allocated by each |\n|---|---|---|");
        for (RunResult result : run(1, FillingBench.class, AddressPolicyBench.class, SignatureBench.class, CsvBench.class)) {
            String name = result.getParams().getBenchmark().replaceFirst(".*\\.(\\w+\\.\\w+)$", "$1");
            table.append(String.format(Locale.ROOT, "%n| `%s` | %,.0f | %,.0f |", name, result.getPrimaryResult().getScore(),
                    result.getSecondaryResults().get("gc.alloc.rate.norm").getScore()));
        }
        return table.toString();
    }

    private static Collection<RunResult> run(int threads, Class<?>... benchmarks) throws RunnerException {
        OptionsBuilder options = new OptionsBuilder();
        for (Class<?> benchmark : benchmarks) {
            options.include("\\b" + benchmark.getSimpleName() + "\\b");
        }
        return new Runner(options.mode(Mode.Throughput).timeUnit(TimeUnit.SECONDS).threads(threads).forks(1)
                .warmupIterations(3).warmupTime(TimeValue.seconds(1)).measurementIterations(3)
                .measurementTime(TimeValue.seconds(1)).addProfiler("gc").verbosity(VerboseMode.SILENT).shouldFailOnError(true)
                .build()).run();
    }
}
