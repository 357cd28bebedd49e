package studio.actions.start;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.databind.type.LogicalType;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;

/** Reads Kubernetes objects strictly: an unknown field or kind, or a value of the wrong type, is an error. */
final class Manifests {

    static final Path FOLDER = Path.of("k8s");
    static final Path SIDECAR = FOLDER.resolve("overlays/sidecar");
    static final Path STANDALONE = FOLDER.resolve("overlays/standalone");
    static final Path MONITORING = FOLDER.resolve("monitoring");

    /** The allowed kinds. Secrets are not allowed, since their values would be in the repository. */
    private static final Map<String, Class<?>> KINDS = Map.ofEntries(
            Map.entry("apps/v1 Deployment", Deployment.class),
            Map.entry("apps/v1 StatefulSet", StatefulSet.class),
            Map.entry("v1 ConfigMap", ConfigMap.class),
            Map.entry("v1 PersistentVolumeClaim", PersistentVolumeClaim.class),
            Map.entry("v1 Service", Service.class),
            Map.entry("v1 ServiceAccount", ServiceAccount.class),
            Map.entry("networking.k8s.io/v1 NetworkPolicy", NetworkPolicy.class),
            Map.entry("policy/v1 PodDisruptionBudget", PodDisruptionBudget.class),
            Map.entry("monitoring.coreos.com/v1 PodMonitor", PodMonitor.class),
            Map.entry("monitoring.coreos.com/v1 PrometheusRule", PrometheusRule.class),
            Map.entry("kustomize.config.k8s.io/v1beta1 Kustomization", Kustomization.class),
            Map.entry("kustomize.config.k8s.io/v1alpha1 Component", Kustomization.class));

    private static final YAMLMapper YAML = strict();

    private Manifests() {
    }

    /** The fields of a kustomization that we use. Any other field is an error until it is added here. */
    record Kustomization(String apiVersion, String kind, String namespace, List<String> resources, List<String> components,
            List<Patch> patches, List<Generator> configMapGenerator, List<Image> images, List<Replicas> replicas) {

        record Patch(String path, Target target) {
        }

        record Target(String kind, String labelSelector) {
        }

        record Generator(String name, String behavior, List<String> envs, List<String> files, Options options) {
        }

        record Options(boolean disableNameSuffixHash, Map<String, String> labels) {
        }

        record Image(String name, String newName, String newTag) {
        }

        record Replicas(String name, int count) {
        }
    }

    record PodMonitor(String apiVersion, String kind, ObjectMeta metadata, Spec spec) {

        record Spec(Selector selector, List<Endpoint> podMetricsEndpoints) {
        }

        record Selector(Map<String, String> matchLabels) {
        }

        record Endpoint(String port, String path, String interval, List<Relabeling> relabelings) {
        }

        record Relabeling(String targetLabel, String replacement) {
        }
    }

    record PrometheusRule(String apiVersion, String kind, ObjectMeta metadata, Spec spec) {

        record Spec(List<Group> groups) {
        }

        record Group(String name, List<Alert> rules) {
        }

        record Alert(@JsonProperty("alert") String name, String expr, @JsonProperty("for") String pending,
                Map<String, String> labels, Map<String, String> annotations) {
        }
    }

    /** Returns all YAML files below the folder. */
    static List<Path> files() throws IOException {
        try (Stream<Path> files = Files.walk(FOLDER)) {
            return files.filter(file -> file.toString().matches(".*\\.ya?ml")).sorted().toList();
        }
    }

    static List<Object> read(Path file) throws IOException {
        return parse(Files.readString(file));
    }

    /** Parses the objects of a YAML stream. */
    static List<Object> parse(String yaml) throws IOException {
        var objects = new ArrayList<>();
        try (MappingIterator<JsonNode> documents = YAML.readerFor(JsonNode.class).readValues(yaml)) {
            while (documents.hasNextValue()) {
                JsonNode document = documents.nextValue();
                String kind = document.path("apiVersion").asText() + " " + document.path("kind").asText();
                if (!KINDS.containsKey(kind)) {
                    throw new IOException("\"" + kind + "\" is not a kind that belongs here");
                }
                objects.add(YAML.treeToValue(document, KINDS.get(kind)));
            }
        }
        return objects;
    }

    static boolean canBuild() {
        return Stream.of(System.getenv("PATH").split(":")).anyMatch(folder -> Files.isExecutable(Path.of(folder, "kubectl")));
    }

    /** Returns the objects that {@code kubectl apply -k} would send. */
    static List<Object> build(Path folder) throws IOException, InterruptedException {
        Path errors = Files.createTempFile("kustomize", ".log");
        try {
            Process process = new ProcessBuilder("kubectl", "kustomize", folder.toString()).redirectError(errors.toFile())
                    .start();
            String yaml = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            // Warnings fail, too, since later versions of kustomize turn them into errors.
            if (!process.waitFor(30, TimeUnit.SECONDS) || process.exitValue() != 0 || Files.size(errors) > 0) {
                throw new IOException(folder + ": " + Files.readString(errors));
            }
            return parse(yaml);
        } finally {
            Files.delete(errors);
        }
    }

    /**
     * Creates a mapper that is as strict as the API server. By default the model's classes collect unknown fields in a map,
     * and Jackson converts between numbers, booleans and texts.
     */
    private static YAMLMapper strict() {
        YAMLMapper mapper = YAMLMapper.builder().enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
                .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
                .annotationIntrospector(new JacksonAnnotationIntrospector() {
                    private static final long serialVersionUID = 1;

                    @Override
                    public Boolean hasAnySetter(Annotated annotated) {
                        return false;
                    }
                }).build();
        for (CoercionInputShape shape : List.of(CoercionInputShape.Boolean, CoercionInputShape.Integer,
                CoercionInputShape.Float)) {
            mapper.coercionConfigFor(LogicalType.Textual).setCoercion(shape, CoercionAction.Fail);
        }
        return mapper;
    }
}
