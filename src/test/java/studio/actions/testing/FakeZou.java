package studio.actions.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import javax.net.ssl.SSLContext;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;

/**
 * Kitsu's API server on a real socket. Its people, productions, tasks and refusals were recorded from a real Zou 1.0.67
 * ({@code zou/exchanges*.json}), so that no test relies on assumptions about Zou. Objects that the recording lacks are copies
 * of the most similar recorded object: a new shot is the recorded shot under another name and other ids.
 *
 * <p>
 * The token of {@link #login} identifies the person. A test that logs in anew finds its own requests and faults by its token,
 * even while other tests use the same server.
 */
public final class FakeZou implements AutoCloseable {

    /**
     * Faults of Zou. With {@code half}, {@code huge}, {@code drip}, {@code slow} and {@code unknownRole} the request is
     * executed.
     */
    public enum Fault {
        /** 200 with an HTML page, as from a proxy that does not know the path. */
        html,
        /** The first half of the right body, with the length of the half. */
        half,
        /** The right body behind 10 MB of white space, which JSON allows. */
        huge,
        /** 200, a body that does not end before the client hangs up. */
        endless,
        /** The right body, one byte a second. */
        drip,
        /** The right answer, after five seconds. */
        slow,
        /** No answer within a minute. */
        silent,
        /** Closes without an answer. */
        gone,
        /** Executes the request, then closes without an answer. */
        unheard,
        /** 500 with the HTML page of Flask. */
        error,
        /** 503 with the HTML page of the proxy before Zou. */
        unavailable,
        /** 403 until the person has set up a second factor. */
        twoFactor,
        /** 200 with a user that has no fields. */
        notAPerson,
        /** The right body, with a role that Zou does not have. */
        unknownRole
    }

    public record Task(String id, String entityId, String projectId, String statusId) {
    }

    /** A request as it arrived. The path includes the query; the names of headers are case-insensitive. */
    public record Request(String method, String path, Map<String, String> headers, String body) {
    }

    private record Answer(int status, String type, byte[] body) {
    }

    /** The object under a path, and the production whose team may read it. */
    private record Page(String projectId, ObjectNode body) {
    }

    /** @param left how many more requests the rule applies to */
    private record Rule(String prefix, Duration delay, Fault fault, Answer answer, AtomicInteger left) {

        Rule(String prefix, Duration delay, Fault fault, Answer answer) {
            this(prefix, delay, fault, answer, new AtomicInteger(Integer.MAX_VALUE));
        }

        boolean isFor(Request request) {
            String path = path(request.path());
            return path.startsWith(prefix) || (request.method() + " " + path).startsWith(prefix);
        }
    }

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String JSON_TYPE = "application/json";
    private static final String HTML_TYPE = "text/html; charset=utf-8";

    private static final Pattern PLACE = Pattern.compile("/(\\w+/[\\w-]+)(?:/([^/]+))?(/.+)?");
    private static final Pattern ID = Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", Pattern.CASE_INSENSITIVE);

    /** The entity types that Zou defines; every other entity type is a type of asset. */
    private static final Set<String> KINDS = Set.of("Shot", "Sequence", "Episode", "Edit", "Scene", "Concept");

    private static final Set<String> LISTS = Set.of("/data/tasks", "/data/entities", "/data/projects", "/data/task-types",
            "/data/entity-types", "/data/persons");

    /** The longest request line that Zou's server accepts, in bytes without the line break. */
    private static final int LONGEST_REQUEST_LINE = 4094;

    private static final String WHO = "/auth/authenticated";
    private static final String SECOND_FACTOR = "/data/project-status";
    private static final String UNKNOWN = "task unknown id";
    private static final String PENDING = "who: a token that is only for setting up a second factor";
    private static final String CONTEXT = "user context (custom_actions cut to two)";

    static {
        // Without this setting a small answer waits 40 ms for an acknowledgement, which tests of time-outs would measure.
        System.setProperty("sun.net.httpserver.nodelay", "true");
    }

    private static final FakeZou SHARED = new FakeZou();

    private final Map<String, JsonNode> recorded = new LinkedHashMap<>();
    private final Map<String, ObjectNode> people = new ConcurrentHashMap<>();
    /** For each production, the members who are not in the recording, with their role there (empty if they have none). */
    private final Map<String, Map<String, Optional<String>>> members = new ConcurrentHashMap<>();
    private final Set<String> archived = ConcurrentHashMap.newKeySet();
    private final Map<String, ObjectNode> taskTypes = new ConcurrentHashMap<>();
    private final Map<String, Page> pages = new ConcurrentHashMap<>();
    private final Map<String, String> entityTypes = new ConcurrentHashMap<>();
    private final Map<String, ObjectNode> parents = new ConcurrentHashMap<>();
    private final Map<String, ObjectNode> actions = Collections.synchronizedMap(new LinkedHashMap<>());

    private final Map<String, String> tokens = new ConcurrentHashMap<>();
    private final Set<String> revoked = ConcurrentHashMap.newKeySet();
    private final Set<String> expired = ConcurrentHashMap.newKeySet();
    private final Set<String> pending = ConcurrentHashMap.newKeySet();
    private final Map<String, List<Request>> requests = new ConcurrentHashMap<>();
    private final Map<String, List<Rule>> rules = new ConcurrentHashMap<>();
    private final Map<String, AtomicInteger> now = new ConcurrentHashMap<>();
    private final Map<String, AtomicInteger> most = new ConcurrentHashMap<>();

    private final ExecutorService threads = Executors.newCachedThreadPool(work -> Wire.daemon("fake-zou", work));
    private final int port;
    private volatile SSLContext certificate;
    private volatile CountDownLatch stopped;
    private volatile Answer otherContext;
    private HttpServer server;
    private Socket placeholder;

    public FakeZou() {
        this(null);
    }

    /** @param certificate null for plain HTTP */
    public FakeZou(SSLContext certificate) {
        load();
        this.certificate = certificate;
        port = listen(0);
    }

    public static FakeZou shared() {
        return SHARED;
    }

    public String url() {
        return (certificate == null ? "http" : "https") + "://127.0.0.1:" + port;
    }

    // ---- Stopping and starting

    /** Drops every connection and refuses new ones, until {@link #back}. */
    public synchronized void away() {
        if (server == null) {
            return;
        }
        stopped.countDown();
        server.stop(0);
        server = null;
        try {
            // Bound without listening: connections are refused, and no other process gets the port meanwhile.
            placeholder = new Socket();
            placeholder.setReuseAddress(true);
            placeholder.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Listens again on the same port, with another certificate. */
    public void back(SSLContext other) {
        certificate = other;
        back();
    }

    /** Listens again on the same port. */
    public synchronized void back() {
        if (server == null) {
            release();
            listen(port);
        }
    }

    @Override
    public synchronized void close() {
        away();
        release();
        threads.shutdownNow();
    }

    private void release() {
        try {
            placeholder.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private int listen(int at) {
        try {
            stopped = new CountDownLatch(1);
            InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), at);
            if (certificate == null) {
                server = HttpServer.create(address, 200);
            } else {
                HttpsServer secure = HttpsServer.create(address, 200);
                secure.setHttpsConfigurator(new HttpsConfigurator(certificate));
                server = secure;
            }
            server.createContext("/", exchange -> new Visit(exchange).serve());
            server.setExecutor(threads);
            // The server's dispatcher thread is a daemon only if a daemon starts the server.
            Thread starter = Wire.daemon("fake-zou", server::start);
            starter.start();
            starter.join();
            return server.getAddress().getPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    // ---- People

    /**
     * Returns a new token.
     *
     * @param person admin, manager, supervisor, user, client, vendor, bot, bot2 or a {@link #colleague}
     */
    public String login(String person) {
        if (!people.containsKey(person)) {
            throw new IllegalArgumentException(person + " was not recorded; these were: " + people.keySet());
        }
        String token = Confidential.note("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." + nonce() + nonce() + "." + nonce());
        tokens.put(token, person);
        return token;
    }

    /**
     * Adds a person with the same global role to the team of the recorded production. Returns the person's name for
     * {@link #login}.
     */
    public String colleague(String person) {
        ObjectNode colleague = people.get(person).deepCopy();
        String id = UUID.randomUUID().toString();
        ((ObjectNode) colleague.get("user")).put("id", id).put("full_name", "Colleague " + id.substring(0, 8))
                .put("email", id + "@example.com");
        people.put(id, colleague);
        join(id, recordedShot().projectId(), null);
        return id;
    }

    /** Makes a person inactive in the list of people. */
    public void leave(String person) {
        ((ObjectNode) people.get(person).get("user")).put("active", false);
    }

    /** Renames a person. */
    public void rename(String person, String name) {
        ((ObjectNode) people.get(person).get("user")).put("full_name", name);
    }

    /**
     * Adds a person to the team of a production.
     *
     * @param role the person's role in this production; null for none
     */
    public void join(String person, String production, String role) {
        members.computeIfAbsent(production, none -> new ConcurrentHashMap<>()).put(id(person), Optional.ofNullable(role));
    }

    private String id(String person) {
        return people.get(person).at("/user/id").asText();
    }

    /** Creates a production with this team and returns its id. */
    public String production(String name, String... team) {
        ObjectNode project = ((ObjectNode) body("project")).deepCopy().put("id", UUID.randomUUID().toString())
                .put("name", name);
        project.putArray("team");
        project(project);
        Arrays.stream(team).forEach(person -> join(person, project.get("id").asText(), null));
        return project.get("id").asText();
    }

    /** Hides a production and its contents from lists, except for admins. */
    public void archive(String production) {
        archived.add(production);
    }

    /** Returns a new token of an admin that is only valid for setting up a second factor. */
    public String loginPendingSecondFactor() {
        String token = login("admin");
        pending.add(token);
        return token;
    }

    public void revoke(String token) {
        revoked.add(token);
    }

    /** Expires a token, which a client can replace with its refresh token. */
    public void expire(String token) {
        expired.add(token);
    }

    /** Returns the person as Zou describes people: id, full_name, email, role … */
    public JsonNode person(String person) {
        return people.get(person).get("user").deepCopy();
    }

    /** Returns the status of Zou's answer, without recording the request. */
    public int get(String path, String token) {
        return answer(new Request("GET", path, Map.of(), ""), token).status();
    }

    /** Returns how often Zou was asked for the person of a token. */
    public int questions(String token) {
        return (int) requests(token).stream().filter(request -> path(request.path()).equals(WHO)).count();
    }

    /** Returns the requests with a token, in order of arrival. {@code ""} stands for requests without a token. */
    public List<Request> requests(String token) {
        return List.copyOf(requests.getOrDefault(token, List.of()));
    }

    /** Like {@link #requests}, without requests for the person of the token and for its second factor. */
    public List<Request> requestsOfItsPerson(String token) {
        return requests(token).stream().filter(request -> !isAboutTheToken(request)).toList();
    }

    private static boolean isAboutTheToken(Request request) {
        return Set.of(WHO, SECOND_FACTOR).contains(path(request.path()));
    }

    /**
     * Returns the most requests with a token that ever waited for an answer at once, without requests about the token itself.
     */
    public int mostAtOnce(String token) {
        return most.getOrDefault(token, new AtomicInteger()).get();
    }

    // ---- Faults

    /**
     * Lets all further requests with the token fail if their path begins with the prefix ({@code /data/tasks} or
     * {@code POST /data/tasks}). The last fault wins.
     */
    public void fault(String token, String pathPrefix, Fault fault) {
        rule(token, new Rule(pathPrefix, null, fault, null));
    }

    /** Lets the next request with the token fail if its path begins with the prefix. */
    public void faultOnce(String token, String pathPrefix, Fault fault) {
        rule(token, new Rule(pathPrefix, null, fault, null, new AtomicInteger(1)));
    }

    /** Delays the answers to all further requests with the token whose path begins with the prefix. */
    public void delay(String token, String pathPrefix, Duration wait) {
        rule(token, new Rule(pathPrefix, wait, null, null));
    }

    /** Answers all further requests with the token whose path begins with the prefix with this JSON. */
    public void answer(String token, String pathPrefix, int status, String body) {
        rule(token, new Rule(pathPrefix, null, null, new Answer(status, JSON_TYPE, bytes(body))));
    }

    /** Ends the faults, delays and answers of a token. */
    public void heal(String token) {
        rules.remove(token);
    }

    private void rule(String token, Rule rule) {
        rules.computeIfAbsent(token, none -> new CopyOnWriteArrayList<>()).add(0, rule);
    }

    // ---- Tasks

    public Task recordedShot() {
        return task(body("task_shot full"));
    }

    public Task recordedAsset() {
        return task(body("task_asset full"));
    }

    /** Returns the task of the recorded shot in the production that only admins see. */
    public Task recordedClosed() {
        return task(body("that task, as admin"));
    }

    /** Adds a task of a new shot in the recorded sequence, which has no episode. */
    public Task shot(String name) {
        return publish(fresh("task_shot full", name));
    }

    /**
     * Adds a task of a new shot. Equal names are the same sequence.
     *
     * @param sequence may be null
     * @param episode may be null; needs a sequence
     */
    public Task shot(String name, String sequence, String episode) {
        ObjectNode full = orphan(name);
        if (sequence != null) {
            ObjectNode parent = parent("Sequence", sequence, episode == null ? null : parent("Episode", episode, null));
            ((ObjectNode) full.get("entity")).set("parent_id", parent.get("id"));
            full.set("sequence", parent);
            if (episode != null) {
                full.set("episode", parent("Episode", episode, null));
            }
        }
        return publish(full);
    }

    /** Adds a task of a new shot in another production, assigned only to these people. */
    public Task shotIn(String production, String name, String sequence, String... assigned) {
        ObjectNode full = orphan(name);
        JsonNode project = pages.get("/data/projects/" + production).body();
        ObjectNode parent = parent("Sequence", sequence + " " + production, null).put("name", sequence)
                .put("project_id", production);
        ((ObjectNode) full.get("entity")).put("project_id", production).set("parent_id", parent.get("id"));
        full.set("sequence", parent);
        full.put("project_id", production).set("project", over(full.get("project"), project));
        full.putArray("assignees");
        Arrays.stream(assigned).forEach(person -> full.withArray("assignees").add(id(person)));
        return publish(full);
    }

    /** Adds a task of a new edit or asset in an episode. */
    public Task inEpisode(String entityTypeName, String name, String episode) {
        ObjectNode full = typed(orphan(name), entityTypeName);
        ObjectNode parent = parent("Episode", episode, null);
        ((ObjectNode) full.get("entity")).set(KINDS.contains(entityTypeName) ? "parent_id" : "source_id", parent.get("id"));
        full.set("episode", parent);
        publish(full);
        full.remove("episode");
        return task(full);
    }

    /** Adds a task of a new shot in the production that only admins see. */
    public Task closedShot(String name) {
        return publish(fresh("that task, as admin", name));
    }

    /** Adds a task of a new asset of any type. */
    public Task asset(String name, String type) {
        return publish(typed(fresh("task_asset full", name), type));
    }

    /** Adds a task of a new sequence, episode, edit, scene, concept or asset, by the name of Zou's entity type. */
    public Task task(String entityTypeName, String name) {
        if (!KINDS.contains(entityTypeName)) {
            return asset(name, entityTypeName);
        }
        ObjectNode full = typed(orphan(name), entityTypeName);
        ObjectNode entity = (ObjectNode) full.get("entity");
        entity.putNull("nb_frames").putObject("data");
        ObjectNode type = (ObjectNode) full.get("task_type");
        type.put("for_entity", entityTypeName);
        for (JsonNode known : body(CONTEXT).get("task_types")) {
            if (known.get("for_entity").asText().equals(entityTypeName)) {
                type.setAll((ObjectNode) known);
                break;
            }
        }
        full.set("task_type_id", type.get("id"));
        return publish(full);
    }

    /** Deletes a task and its entity from Zou. */
    public void delete(Task task) {
        pages.keySet().removeIf(path -> path.contains(task.id()) || path.contains(task.entityId()));
    }

    private ObjectNode fresh(String exchange, String name) {
        ObjectNode full = ((ObjectNode) body(exchange)).deepCopy();
        full.put("id", UUID.randomUUID().toString()).put("entity_id", UUID.randomUUID().toString());
        ((ObjectNode) full.get("entity")).put("name", name).set("id", full.get("entity_id"));
        return full;
    }

    private ObjectNode orphan(String name) {
        ObjectNode full = fresh("task_shot full", name);
        ((ObjectNode) full.get("entity")).putNull("parent_id");
        full.remove("sequence");
        return full;
    }

    private ObjectNode typed(ObjectNode full, String type) {
        ((ObjectNode) full.get("entity")).put("entity_type_id", entityType(type));
        ((ObjectNode) full.get("entity_type")).put("name", type).put("id", entityType(type));
        return full;
    }

    private String entityType(String name) {
        return entityTypes.computeIfAbsent(name, unknown -> UUID.randomUUID().toString());
    }

    private ObjectNode parent(String kind, String name, ObjectNode above) {
        String aboveId = above == null ? null : above.get("id").asText();
        return parents.computeIfAbsent(kind + " " + name + " " + aboveId,
                unknown -> ((ObjectNode) body("task_shot full").get("sequence")).deepCopy()
                        .put("id", UUID.randomUUID().toString()).put("name", name).put("parent_id", aboveId)
                        .put("type", kind).put("entity_type_id", entityType(kind)))
                .deepCopy();
    }

    private static Task task(JsonNode full) {
        return new Task(full.get("id").asText(), full.get("entity_id").asText(), full.get("project_id").asText(),
                full.get("task_status_id").asText());
    }

    // ---- Objects and their paths

    private void load() {
        read("exchanges.json");
        List<ObjectNode> tasks = new ArrayList<>();
        recorded.forEach((name, exchange) -> {
            String path = exchange.at("/request/path").asText();
            boolean seen = exchange.at("/response/status").asInt() == 200;
            if (name.startsWith("who am I: ")) {
                people.put(name.substring("who am I: ".length()), (ObjectNode) body(name));
            } else if (seen && path.matches("/data/(tasks|entities|assets|shots|sequences|projects)/.*")) {
                ObjectNode body = (ObjectNode) body(name);
                put(path, body.get(body.has("project_id") ? "project_id" : "id"), body);
                if (path.endsWith("/full")) {
                    tasks.add(body);
                }
            }
        });
        JsonNode context = body(CONTEXT);
        context.get("asset_types").forEach(type -> entityTypes.put(type.get("name").asText(), type.get("id").asText()));
        entityTypes.put("Shot", body("shot").get("entity_type_id").asText());
        entityTypes.put("Sequence", body("sequence").get("entity_type_id").asText());
        context.get("task_types").forEach(type -> taskTypes.put(type.get("id").asText(), (ObjectNode) type));
        context.get("projects").forEach(this::project);
        context.get("custom_actions").forEach(action -> actions.put(action.get("id").asText(), (ObjectNode) action));
        tasks.forEach(this::publish);
        // Recorded from another database: these exchanges are only used by name, and their objects are not published.
        read("exchanges-2.json");
        read("exchanges-3.json");
    }

    private void read(String recording) {
        try (InputStream in = FakeZou.class.getResourceAsStream("/zou/" + recording)) {
            JSON.readTree(in).get("exchanges").forEach(exchange -> recorded.put(exchange.get("name").asText(), exchange));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Publishes a task and the objects that it names, under Zou's paths. Recorded objects stay unchanged. */
    private Task publish(ObjectNode full) {
        JsonNode project = full.get("project");
        String base = "/data/tasks/" + full.get("id").asText();
        put(base + "/full", project.get("id"), full);
        put(base, project.get("id"), over(body("task_asset"), full));
        taskTypes.put(full.at("/task_type/id").asText(), (ObjectNode) full.get("task_type"));
        project(project);
        String type = full.at("/entity_type/name").asText();
        entity((ObjectNode) full.get("entity"), KINDS.contains(type) ? type : "Asset", full);
        for (String parent : List.of("sequence", "episode")) {
            if (full.has(parent)) {
                entity((ObjectNode) full.get(parent), full.get(parent).get("type").asText(), full);
            }
        }
        return task(full);
    }

    private void project(JsonNode project) {
        ObjectNode body = over(body("project"), project);
        if (!project.has("team")) {
            body.putArray("team");
        }
        put("/data/projects/" + project.get("id").asText(), project.get("id"), body);
    }

    private void entity(ObjectNode entity, String kind, ObjectNode full) {
        String id = entity.get("id").asText();
        JsonNode project = entity.get("project_id");
        put("/data/entities/" + id, project, over(body("entity"), entity).put("type", kind));

        // Zou writes empty values of these two fields differently for assets, so both fields keep their recorded values.
        ObjectNode page = kind.equals("Asset")
                ? over(body("asset"), entity.deepCopy().without(List.of("preview_file_id", "ready_for")))
                : over(body(kind.equals("Shot") ? "shot" : "sequence"), entity);
        page.put("type", kind).set("project_name", full.at("/project/name"));
        if (kind.equals("Asset")) {
            page.set("asset_type_id", full.at("/entity_type/id"));
            page.set("asset_type_name", full.at("/entity_type/name"));
        }
        if (kind.equals("Shot")) {
            for (String parent : List.of("sequence", "episode")) {
                page.set(parent + "_id", full.has(parent) ? full.get(parent).get("id") : null);
                page.put(parent + "_name", full.at("/" + parent + "/name").asText());
            }
            page.set("frame_in", entity.get("data").get("frame_in"));
            page.set("frame_out", entity.get("data").get("frame_out"));
        }
        if (page.has("tasks")) {
            JsonNode line = page.get("tasks").get(0);
            page.putArray("tasks").add(over(line, full.deepCopy()
                    .retain("id", "entity_id", "task_status_id", "task_type_id", "assignees")));
        }
        put("/data/" + kind.toLowerCase() + "s/" + id, project, page);
    }

    private void put(String path, JsonNode project, ObjectNode body) {
        pages.putIfAbsent(path, new Page(project.asText(), body));
    }

    /** Returns a copy of a recorded object, with new values for its members. Other members of the values are ignored. */
    private static ObjectNode over(JsonNode example, JsonNode values) {
        ObjectNode copy = example.deepCopy();
        values.properties().stream().filter(field -> copy.has(field.getKey()))
                .forEach(field -> copy.set(field.getKey(), field.getValue().deepCopy()));
        return copy;
    }

    private JsonNode body(String exchange) {
        return recorded.get(exchange).at("/response/body");
    }

    // ---- Actions and context

    /** Replaces Zou's own custom actions. Missing fields get recorded values; additional fields come last. */
    public void customActions(List<Map<String, Object>> replacement) {
        synchronized (actions) {
            actions.clear();
            replacement.forEach(fields -> action(JSON.valueToTree(fields)));
        }
    }

    /** Returns the bytes of the user context that an admin would get now. */
    public byte[] contextBytes() {
        return context("admin").body();
    }

    /** Answers with this user context to everybody except bots, until {@link #resetContext}. */
    public void context(byte[] body) {
        context(200, JSON_TYPE, body);
    }

    public void context(int status, String contentType, byte[] body) {
        otherContext = new Answer(status, contentType, body);
    }

    public void resetContext() {
        otherContext = null;
    }

    private Answer context(String person) {
        if (people.get(person).at("/user/is_bot").asBoolean()) {
            return recorded("user context as a bot");
        }
        Answer other = otherContext;
        if (other != null) {
            return other;
        }
        ObjectNode context = body(CONTEXT).deepCopy();
        members.forEach((project, team) -> team.getOrDefault(id(person), Optional.empty())
                .ifPresent(role -> ((ObjectNode) context.get("project_roles")).put(project, role)));
        synchronized (actions) {
            context.putArray("custom_actions").addAll(actions.values());
        }
        return json(200, context);
    }

    private Answer actions(String method, String id, String text, String person) {
        JsonNode asked = tree(text);
        synchronized (actions) {
            if (id == null && method.equals("GET")) {
                return role(person).equals("vendor") ? recorded("list as vendor")
                        : json(200, JSON.createArrayNode().addAll(actions.values()));
            }
            if (id != null && !ID.matcher(id).matches()) {
                return recorded("malformed id");
            }
            if (id != null && !actions.containsKey(id)) {
                return recorded("unknown id");
            }
            if (!role(person).equals("admin")) {
                return recorded("create as artist");
            }
            Answer refusal = method.equals("POST") || method.equals("PUT") ? refusal(method, asked) : null;
            if (refusal != null) {
                return refusal;
            }
            String verb = method + (id == null ? " all" : " one");
            return switch (verb) {
                case "POST all" -> json(201, action((ObjectNode) asked));
                case "GET one" -> json(200, actions.get(id));
                case "PUT one" -> {
                    ObjectNode changes = asked.deepCopy();
                    changes.put("id", id).put("updated_at", utc()).remove(List.of("created_at", "type"));
                    yield json(200, action(over(actions.get(id), changes)));
                }
                case "DELETE one" -> {
                    actions.remove(id);
                    yield recorded("delete");
                }
                default -> recorded(UNKNOWN);
            };
        }
    }

    private Answer refusal(String method, JsonNode asked) {
        boolean post = method.equals("POST");
        if (!asked.isObject() || !asked.path("name").isTextual() && (post || asked.has("name"))) {
            return recorded(post ? "create, no name" : "put name null");
        }
        if (asked.path("name").asText().length() > 80) {
            return recorded("create, name of 81");
        }
        for (Map.Entry<String, JsonNode> field : asked.properties()) {
            if (!body("create").has(field.getKey())) {
                ObjectNode refusal = body("create, unknown field").deepCopy();
                return json(400, refusal.put("message",
                        refusal.get("message").asText().replace("unknown", field.getKey())));
            }
        }
        return null;
    }

    private ObjectNode action(ObjectNode fields) {
        ObjectNode action = body("create, name only").deepCopy();
        action.put("id", UUID.randomUUID().toString()).put("created_at", utc()).put("updated_at", utc());
        action.setAll(fields);
        actions.put(action.get("id").asText(), action);
        return action;
    }

    // ---- Answers

    private Answer answer(Request request, String token) {
        if (token.isEmpty()) {
            return recorded("no token");
        }
        if (revoked.contains(token)) {
            return json(401, JSON.createObjectNode().put("msg", "Token has been revoked"));
        }
        String person = tokens.get(token);
        if (person == null) {
            return recorded("garbage token");
        }
        if (expired.contains(token)) {
            return recorded("who: an expired token");
        }
        String path = path(request.path());
        if (pending.contains(token)) {
            return recorded(path.equals(WHO) ? PENDING : "project status with it");
        }
        Matcher place = PLACE.matcher(path);
        if (!place.matches()) {
            return recorded(UNKNOWN);
        }
        String id = place.group(2);
        String rest = place.group(3);
        if (place.group(1).equals("data/custom-actions") && rest == null) {
            return actions(request.method(), id, request.body(), person);
        }
        if (!request.method().equals("GET")) {
            return recorded(UNKNOWN);
        }
        return switch (path) {
            case WHO -> json(200, people.get(person));
            case SECOND_FACTOR -> recorded("project status: admin");
            case "/data/user/context" -> context(person);
            default -> {
                String query = request.path().replaceFirst("^[^?]*[?]?", "");
                yield id == null && LISTS.contains(path) && !query.isEmpty()
                        ? list(path.substring("/data/".length()), query, person)
                        : path.matches("/data/projects/[^/]+/team") ? team(id, person) : page(path, id, person);
            }
        };
    }

    private Answer page(String path, String id, String person) {
        if (id != null && !ID.matcher(id).matches()) {
            return recorded("task malformed id");
        }
        Page page = pages.get(path);
        if (page == null) {
            return recorded(UNKNOWN);
        }
        return sees(person, page) ? json(200, page.body()) : recorded("task of a project one is not in");
    }

    private boolean sees(String person, Page page) {
        return role(person).equals("admin") || isMember(person, page.projectId())
                && (!roleIn(person, page.projectId()).equals("vendor") || hasTask(person, page.body()));
    }

    private boolean isMember(String person, String project) {
        JsonNode team = pages.get("/data/projects/" + project).body().get("team");
        List<String> recorded = new ArrayList<>();
        team.forEach(member -> recorded.add(member.asText()));
        return recorded.contains(id(person)) || members.getOrDefault(project, Map.of()).containsKey(id(person));
    }

    /** Returns the role in this production, which decides about single objects. Lists use the global role. */
    private String roleIn(String person, String project) {
        return members.getOrDefault(project, Map.of()).getOrDefault(id(person), Optional.empty()).orElse(role(person));
    }

    /** Returns whether a task of the object's entity is assigned to the person; always true for a production. */
    private boolean hasTask(String person, JsonNode object) {
        if (object.get("type").asText().equals("Project")) {
            return true;
        }
        String entity = object.get(object.has("entity_id") ? "entity_id" : "id").asText();
        return pages.entrySet().stream().filter(page -> page.getKey().startsWith("/data/tasks/"))
                .anyMatch(page -> page.getValue().body().get("entity_id").asText().equals(entity)
                        && isAssigned(person, page.getValue().body()));
    }

    private boolean isAssigned(String person, JsonNode task) {
        return task.path("assignees").valueStream().anyMatch(assignee -> assignee.asText().equals(id(person)));
    }

    // ---- Lists by ids, and teams

    private Answer list(String collection, String query, String person) {
        if (("GET /data/" + collection + "?" + query + " HTTP/1.1").length() > LONGEST_REQUEST_LINE) {
            return recorded("request line over 4094 octets, gunicorn's own answer (path cut here to its first 15 characters)");
        }
        Map<String, String> parameters = new LinkedHashMap<>();
        for (String parameter : query.split("&")) {
            String[] pair = parameter.split("=", 2);
            parameters.putIfAbsent(pair[0], pair.length == 1 ? "" : URLDecoder.decode(pair[1], StandardCharsets.UTF_8));
        }
        Set<String> fields = new LinkedHashSet<>(Arrays.asList(parameters.getOrDefault("fields", "").split(",")));
        fields.addAll(List.of("id", "type"));
        if (collection.equals("persons")) {
            return persons(fields);
        }
        if (!parameters.containsKey("id")) {
            ArrayNode all = JSON.createArrayNode();
            String prefix = "/data/" + collection + "/";
            pages.keySet().stream().filter(path -> path.startsWith(prefix) && path.indexOf('/', prefix.length()) < 0)
                    .forEach(path -> listed(collection, path.substring(prefix.length()), person)
                            .ifPresent(object -> all.add(object.deepCopy().retain(fields))));
            return json(200, all);
        }
        String given = parameters.getOrDefault("id", "");
        JsonNode ids = given.startsWith("[") ? tree(given) : JSON.createArrayNode().add(given);
        if (!ids.isArray()) {
            return recorded("tasks by a malformed list");
        }
        if (!given.startsWith("[") && !ID.matcher(given).matches()) {
            return recorded("tasks with an empty id");
        }
        ArrayNode shown = JSON.createArrayNode();
        for (JsonNode id : new LinkedHashSet<>(ids.valueStream().toList())) {
            if (!ID.matcher(id.asText()).matches()) {
                return recorded("tasks by one id that is none");
            }
            listed(collection, id.asText().toLowerCase(), person)
                    .ifPresent(object -> shown.add(object.deepCopy().retain(fields)));
        }
        return json(200, shown);
    }

    private Optional<ObjectNode> listed(String collection, String id, String person) {
        if (collection.equals("task-types")) {
            return Optional.ofNullable(taskTypes.get(id));
        }
        if (collection.equals("entity-types")) {
            return entityTypes.entrySet().stream().filter(type -> type.getValue().equals(id)).findFirst()
                    .map(type -> JSON.createObjectNode().put("name", type.getKey()).put("id", id).put("type", "EntityType"));
        }
        Page page = pages.get("/data/" + collection + "/" + id);
        if (page == null || role(person).equals("admin")) {
            return Optional.ofNullable(page).map(Page::body);
        }
        boolean related = isMember(person, page.projectId()) && !archived.contains(page.projectId());
        boolean vendor = role(person).equals("vendor");
        boolean shown = switch (collection) {
            case "tasks" -> vendor ? isAssigned(person, page.body()) : related;
            case "entities" -> related && (!vendor || hasTask(person, page.body()));
            default -> related;
        };
        return shown ? Optional.of(page.body()) : Optional.empty();
    }

    /** Zou lists the same people to everybody, also people who have left. */
    private Answer persons(Set<String> fields) {
        ArrayNode all = JSON.createArrayNode();
        JsonNode example = body("persons: user (cut to two)").get(0);
        people.values().forEach(person -> all.add(over(example, person.get("user")).retain(fields)));
        return json(200, all);
    }

    private Answer team(String project, String person) {
        if (!pages.containsKey("/data/projects/" + project)) {
            return recorded("team: unknown production, as admin");
        }
        if (!role(person).equals("admin") && !isMember(person, project)) {
            return recorded("team: outsider, not in the team");
        }
        ArrayNode team = JSON.createArrayNode();
        JsonNode example = body("team, no role of its own set: user (cut to two persons)").get(0);
        people.values().stream().map(known -> known.get("user"))
                .filter(user -> isMember(name(user), project)).forEach(user -> {
                    ObjectNode member = over(example, user);
                    member.put("project_role",
                            members.getOrDefault(project, Map.of()).getOrDefault(user.get("id").asText(), Optional.empty())
                                    .orElse(null));
                    team.add(member);
                });
        return json(200, team);
    }

    private String name(JsonNode user) {
        return people.entrySet().stream().filter(known -> known.getValue().get("user").get("id").equals(user.get("id")))
                .findFirst().orElseThrow().getKey();
    }

    private String role(String person) {
        return people.get(person).at("/user/role").asText();
    }

    private Answer recorded(String exchange) {
        JsonNode response = recorded.get(exchange).get("response");
        JsonNode body = response.get("body");
        return new Answer(response.get("status").asInt(), response.get("content_type").asText(),
                body.isTextual() ? bytes(body.asText()) : bytes(body.toString()));
    }

    /** Writes JSON as Zou does: without white space and without escaping non-ASCII characters, the default of this library. */
    private static Answer json(int status, JsonNode body) {
        return new Answer(status, JSON_TYPE, bytes(body.toString()));
    }

    private static JsonNode tree(String text) {
        try {
            return JSON.readTree(text);
        } catch (JsonProcessingException e) {
            return MissingNode.getInstance();
        }
    }

    private static String path(String uri) {
        return "/" + uri.replaceFirst("[?].*", "").replaceAll("^/+|/+$", "");
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String utc() {
        return LocalDateTime.now(ZoneOffset.UTC).format(DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss"));
    }

    private static String nonce() {
        return UUID.randomUUID().toString().replace("-", "");
    }

    /** One request and its answer. */
    private final class Visit {

        private final HttpExchange exchange;
        private final CountDownLatch end = stopped;
        private String token;
        private Request request;
        private boolean counted;

        Visit(HttpExchange exchange) {
            this.exchange = exchange;
        }

        void serve() {
            try (exchange) {
                request = read();
                token = token();
                requests.computeIfAbsent(token, none -> new CopyOnWriteArrayList<>()).add(request);
                enter();
                Duration wait = null;
                Fault fault = null;
                Answer answer = null;
                for (Rule rule : rules.getOrDefault(token, List.of())) {
                    if (rule.isFor(request) && rule.left().getAndDecrement() > 0) {
                        wait = wait == null ? rule.delay() : wait;
                        fault = fault == null ? rule.fault() : fault;
                        answer = answer == null ? rule.answer() : answer;
                    }
                }
                if (wait != null) {
                    pause(wait);
                }
                if (fault == null) {
                    send(answer == null ? right() : answer);
                } else {
                    fail(fault);
                }
            } catch (IOException | InterruptedException e) {
                // The client hung up, or a fault closes the connection.
            } finally {
                leave();
            }
        }

        private Answer right() {
            return answer(request, token);
        }

        private void fail(Fault fault) throws IOException, InterruptedException {
            switch (fault) {
                case html -> send(200, HTML_TYPE, "<!DOCTYPE html><html><head><title>Kitsu</title></head><body></body></html>");
                case half -> {
                    Answer right = right();
                    send(new Answer(right.status(), right.type(), Arrays.copyOf(right.body(), right.body().length / 2)));
                }
                case huge -> {
                    Answer right = right();
                    send(right.status(), right.type(),
                            " ".repeat(10_000_000) + new String(right.body(), StandardCharsets.UTF_8));
                }
                case endless -> {
                    OutputStream out = start(200, JSON_TYPE, 0);
                    out.write(bytes("{\"padding\": \""));
                    byte[] more = bytes("x".repeat(16 * 1024));
                    // Writes until writing fails: stopping earlier would mark the body as complete.
                    while (true) {
                        out.write(more);
                    }
                }
                case drip -> {
                    Answer right = right();
                    OutputStream out = start(right.status(), right.type(), right.body().length);
                    for (byte drop : right.body()) {
                        out.write(drop);
                        out.flush();
                        pause(Duration.ofSeconds(1));
                    }
                }
                case slow -> {
                    pause(Duration.ofSeconds(5));
                    send(right());
                }
                case silent -> pause(Duration.ofSeconds(60));
                case gone -> throw new IOException("as ordered");
                case unheard -> {
                    right();
                    throw new IOException("as ordered");
                }
                case error -> send(500, HTML_TYPE, """
                        <!doctype html>
                        <html lang=en>
                        <title>500 Internal Server Error</title>
                        <h1>Internal Server Error</h1>
                        <p>The server encountered an internal error and was unable to complete your request.</p>
                        """);
                case unavailable -> send(503, "text/html",
                        "<html><head><title>503 Service Temporarily Unavailable</title></head></html>");
                case twoFactor -> send(recorded("project status with it"));
                case notAPerson -> send(200, JSON_TYPE, "{\"authenticated\":true,\"user\":{}}");
                case unknownRole -> {
                    Answer right = right();
                    JsonNode body = JSON.readTree(right.body());
                    if (body.path("user") instanceof ObjectNode user) {
                        user.put("role", "wizard");
                    }
                    send(json(right.status(), body));
                }
            }
        }

        private void pause(Duration time) throws IOException, InterruptedException {
            if (end.await(time.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new IOException("nobody is listening any more");
            }
        }

        private void send(int status, String type, String body) throws IOException {
            send(new Answer(status, type, bytes(body)));
        }

        private void send(Answer answer) throws IOException {
            // Must precede the last byte: a client that has read the answer may send its next request at once.
            leave();
            try (OutputStream out = start(answer.status(), answer.type(), answer.body().length == 0 ? -1
                    : answer.body().length)) {
                out.write(answer.body());
            }
        }

        private OutputStream start(int status, String type, long length) throws IOException {
            exchange.getResponseHeaders().set("Content-Type", type);
            exchange.sendResponseHeaders(status, length);
            return exchange.getResponseBody();
        }

        private void enter() {
            if (!isAboutTheToken(request)) {
                counted = true;
                int atOnce = now.computeIfAbsent(token, none -> new AtomicInteger()).incrementAndGet();
                most.computeIfAbsent(token, none -> new AtomicInteger()).accumulateAndGet(atOnce, Math::max);
            }
        }

        private void leave() {
            if (counted) {
                counted = false;
                now.get(token).decrementAndGet();
            }
        }

        private Request read() throws IOException {
            Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
            exchange.getRequestHeaders().forEach((name, values) -> headers.put(name,
                    String.join(name.equalsIgnoreCase("Cookie") ? "; " : ", ", values)));
            String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            return new Request(exchange.getRequestMethod(), exchange.getRequestURI().toString(),
                    Collections.unmodifiableMap(headers), body);
        }

        /** Returns the token. The cookie precedes the header, as in Zou's configuration of flask-jwt-extended. */
        private String token() {
            for (String cookie : request.headers().getOrDefault("Cookie", "").split(";")) {
                String[] pair = cookie.strip().split("=", 2);
                if (pair.length == 2 && pair[0].equals("access_token_cookie") && !pair[1].isEmpty()) {
                    return pair[1];
                }
            }
            String header = request.headers().getOrDefault("Authorization", "");
            return header.startsWith("Bearer ") ? header.substring("Bearer ".length()).strip() : "";
        }
    }
}
