package studio.actions.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import studio.actions.testing.Postgres;

/** Measures every case in turn with its ceiling and prints a table of medians. */
public final class Bench {

    static final Path FOLDER = Path.of(System.getProperty("bench.folder")).toAbsolutePath();
    static final boolean NATIVE = Boolean.getBoolean("bench.native");
    static final String RUNNER = System.getProperty("bench.runner");
    static final Duration ROUND = Duration.ofSeconds(Integer.getInteger("bench.seconds", 4));
    static final Duration WARM_UP = Duration.ofSeconds(Integer.getInteger("bench.warmUp", 120));
    static final int ROUNDS = Integer.getInteger("bench.rounds", 5);

    /** Creates a case, which may create databases on the given server. */
    private interface Maker {
        Case make(Postgres postgres) throws Exception;
    }

    private static final Map<String, Maker> CASES = new LinkedHashMap<>();

    static {
        CASES.put("lists", Lists::new);
        CASES.put("previews", Previews::new);
        CASES.put("presses", Presses::new);
        CASES.put("fan-out", FanOut::new);
        CASES.put("drain", Drain::new);
        CASES.put("transfers", Transfers::new);
        CASES.put("starts", Starts::new);
        CASES.put("growth", Growth::new);
    }

    private Bench() {
    }

    public static void main(String... args) throws Exception {
        List<String> wanted = args.length == 0 || args[0].isBlank() ? List.copyOf(CASES.keySet())
                : List.of(args[0].split(","));
        if (!CASES.keySet().containsAll(wanted)) {
            System.err.println("There are these cases: " + String.join(",", CASES.keySet()));
            System.exit(1);
        }
        List<String> table = new ArrayList<>(List.of("| Case | Ours | Ceiling | | Ratio | Goal |",
                "|---|---|---|---|---|---|"));
        List<String> notes = new ArrayList<>();
        Path folder = Files.createTempDirectory(FOLDER, "postgres-");
        try (Postgres postgres = new Postgres(folder)) {
            for (String name : wanted) {
                System.out.println("Measuring " + name + " …");
                try (Case one = CASES.get(name).make(postgres)) {
                    measure(one).forEach((row, figures) -> {
                        table.add(line(row, figures));
                        System.out.println(line(row, figures));
                    });
                    notes.addAll(one.notes());
                }
            }
        }
        if (args.length == 0 || args[0].isBlank()) {
            notes.add("\n" + Jmh.table());
        }
        String all = String.join("\n", table) + "\n\n" + String.join("\n", notes);
        System.out.println("\n" + all);
        Files.writeString(FOLDER.resolve("bench.md"), all);
        System.exit(0);
    }

    private static Map<Case.Row, List<Case.Pair>> measure(Case one) throws Exception {
        one.warmUp(WARM_UP);
        one.round();
        Map<Case.Row, List<Case.Pair>> figures = new LinkedHashMap<>();
        for (int i = 0; i < ROUNDS; i++) {
            one.round().forEach((row, pair) -> figures.computeIfAbsent(row, first -> new ArrayList<>()).add(pair));
        }
        return figures;
    }

    private static String line(Case.Row row, List<Case.Pair> figures) {
        double ours = median(figures.stream().map(Case.Pair::ours).toList());
        double ceiling = median(figures.stream().map(Case.Pair::ceiling).toList());
        double ratio = median(figures.stream().map(pair -> pair.ours() / pair.ceiling()).toList());
        boolean met = row.atMost() ? ratio <= row.goal() : ratio >= row.goal();
        return String.format(Locale.ROOT, "| %s | %s | %s (%s) | %s | %.2f | %s %s%s |", row.name(), figure(ours),
                figure(ceiling), row.ceiling(), row.unit(), ratio, row.atMost() ? "≤" : "≥", row.goal(), met ? "" : " ✗");
    }

    private static double median(List<Double> figures) {
        return figures.stream().sorted().toList().get(figures.size() / 2);
    }

    private static String figure(double figure) {
        return String.format(Locale.ROOT, figure < 100 ? "%.1f" : "%,.0f", figure);
    }
}
