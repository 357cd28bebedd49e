package studio.actions.action;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

import studio.actions.csv.Csv;

/** Reading and writing a file of a thousand lines, in the form of Kitsu's own export. */
@State(Scope.Benchmark)
public class CsvBench {

    private static final int LINES = 1000;

    private final byte[] file = file().getBytes(StandardCharsets.UTF_8);
    private final List<List<String>> cells = Csv.read(file, LINES + 1).stream().map(Csv.Line::cells).toList();

    private static String file() {
        StringBuilder file = new StringBuilder("\"Type\";\"Name\";\"URL\";\"Entity Type\";\"Use AJAX\"\n");
        for (int i = 0; i < LINES; i++) {
            file.append("\"CustomAction\";\"Submit ").append(i)
                    .append("\";\"https://farm.studio.com/submit/{entity_type}?shot={entity_id}\";\"shot\";\"true\"\n");
        }
        return file.toString();
    }

    @Benchmark
    public Object read() {
        return Csv.read(file, LINES + 1);
    }

    @Benchmark
    public Object write() throws Exception {
        StringBuilder out = new StringBuilder();
        try (var printer = Csv.printer(out, ';')) {
            for (List<String> line : cells) {
                List<String> guarded = new ArrayList<>(line);
                guarded.replaceAll(Csv::guard);
                printer.printRecord(guarded);
            }
        }
        return out;
    }
}
