package studio.actions.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Replicas of the packaged service on one PostgreSQL. */
public final class Replicated {

    private final Path folder;
    private final Postgres postgres;
    private final List<Packaged> replicas = new ArrayList<>();

    public Replicated(Path folder) throws IOException {
        this.folder = folder;
        postgres = new Postgres(folder);
    }

    /**
     * Starts one more replica.
     *
     * @param environment in addition to the settings that all replicas have
     */
    public Replicated add(Map<String, String> environment) throws IOException {
        Map<String, String> all = new HashMap<>(Map.of("CUSTOM_ACTIONS_LOCAL_TOKEN", Packaged.TOKEN,
                "CUSTOM_ACTIONS_EGRESS_ALLOW", "127.0.0.1:" + Receiver.shared().port(), "CUSTOM_ACTIONS_LIMITS_PER_HOST",
                "10000", "QUARKUS_DATASOURCE_JDBC_URL", postgres.url()));
        all.putAll(environment);
        replicas.add(new Packaged(Files.createDirectories(folder.resolve("replica-" + replicas.size())), all));
        return this;
    }

    /** Waits until all replicas have started. */
    public Replicated ready() {
        replicas.forEach(Packaged::ready);
        return this;
    }

    public Postgres postgres() {
        return postgres;
    }

    /** Returns the replicas in the order of their start. The list grows with {@link #add}. */
    public List<Packaged> replicas() {
        return replicas;
    }

    /** Kills the replicas, keeps their logs under this name, and stops the database. */
    public void stop(String name) throws Exception {
        Path logs = Files.createDirectories(Path.of("target/survival"));
        for (int i = 0; i < replicas.size(); i++) {
            replicas.get(i).process.destroyForcibly().waitFor();
            Files.writeString(logs.resolve(name + "-" + i + ".log"), replicas.get(i).output());
        }
        postgres.close();
    }
}
