package studio.actions.action;

import java.util.UUID;
import java.util.stream.IntStream;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.infra.Blackhole;

import studio.actions.template.Template;

/** Parsing a template once and filling it for a hundred shots. */
@State(Scope.Benchmark)
public class FillingBench {

    public static final int TARGETS = 100;
    public static final String TEMPLATE = "https://farm.studio.com/submit/{entity_type}/{entity_id}{?user_email}";

    private final String[] entities = IntStream.range(0, TARGETS).mapToObj(i -> UUID.randomUUID().toString())
            .toArray(String[]::new);

    @Benchmark
    public void aHundredTargets(Blackhole hole) {
        Template template = Template.parse(TEMPLATE);
        for (String entity : entities) {
            hole.consume(template.fill(variable -> switch (variable) {
                case entity_id -> entity;
                case entity_type -> "shot";
                default -> "admin@localhost";
            }));
        }
    }
}
