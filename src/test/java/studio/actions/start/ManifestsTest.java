package studio.actions.start;

import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import com.fasterxml.jackson.databind.JsonNode;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerPort;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.SecurityContext;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPeer;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.quarkus.runtime.configuration.DurationConverter;
import io.smallrye.config.EnvConfigSource;
import io.smallrye.config.SmallRyeConfig;
import io.smallrye.config.SmallRyeConfigBuilder;
import io.smallrye.config.WithDefault;
import studio.actions.run.RunConfig;
import studio.actions.start.Manifests.Kustomization;
import studio.actions.start.Manifests.PodMonitor;

/** The manifests' properties on which an operator relies, in the files and in kustomize's output. */
class ManifestsTest {

    private static final String OURS = "kitsu-actions";

    /** Kitsu's own containers, which are only an example. They start as root and change users by themselves. */
    private static final Set<String> KITSU = Set.of("kitsu", "kitsu-data");

    /** The Secrets, with their keys, that operators create as described in {@code src/docs/kubernetes.md}. */
    private static final Map<String, Set<String>> SECRETS = Map.of(
            "kitsu-actions-database", Set.of("username", "password"),
            "kitsu-actions", Set.of(),
            "kitsu", Set.of("secret-key"));

    /** The Quarkus variables that the manifests may set. Quarkus ignores a misspelt one silently. */
    private static final Set<String> QUARKUS = Set.of("QUARKUS_DATASOURCE_JDBC_URL", "QUARKUS_DATASOURCE_USERNAME",
            "QUARKUS_DATASOURCE_PASSWORD", "QUARKUS_DATASOURCE_JDBC_MAX_SIZE", "QUARKUS_HTTP_HOST",
            "QUARKUS_HTTP_PROXY_PROXY_ADDRESS_FORWARDING", "QUARKUS_HTTP_PROXY_TRUSTED_PROXIES");

    private static final Pattern CONFIDENTIAL = Pattern.compile("(?i).*(PASSWORD|SECRET|TOKEN|USERNAME|_USER|KEY).*");

    /** A pod of an overlay. */
    record Pod(Path overlay, String name, Map<String, String> labels, PodSpec spec, List<PersistentVolumeClaim> claims) {

        List<Container> containers() {
            return Stream.concat(spec.getInitContainers().stream(), spec.getContainers().stream()).toList();
        }

        Container ours() {
            return spec.getContainers().stream().filter(container -> container.getName().equals(OURS)).findFirst()
                    .orElseThrow();
        }

        boolean holdsUs() {
            return spec.getContainers().stream().anyMatch(container -> container.getName().equals(OURS));
        }

        @Override
        public String toString() {
            return overlay.getFileName() + "/" + name;
        }
    }

    record Named(String where, Container container) {

        @Override
        public String toString() {
            return where + "/" + container.getName();
        }
    }

    // The files ----------------------------------------------------------------------------------------------------------

    static Stream<Path> files() throws IOException {
        return Manifests.files().stream();
    }

    static Stream<Path> builds() throws IOException {
        return files().filter(file -> file.endsWith("kustomization.yaml"));
    }

    @ParameterizedTest
    @MethodSource("files")
    void everyFileHoldsOneObjectThatKubernetesKnows(Path file) throws IOException {
        assertThat(Manifests.read(file)).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {
            "{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: {enableServiceLink: false}}}}",
            "{apiVersion: apps/v1, kind: Deployment, spec: {template: {metadata: {labels: {a: true}}}}}",
            "{apiVersion: apps/v1, kind: Deployment, spec: {replicas: '2'}}",
            "{apiVersion: apps/v1, kind: Deployment, spec: {replicas: 1, replicas: 2}}",
            "{apiVersion: apps/v1beta1, kind: Deployment}",
            "{apiVersion: v1, kind: Secret, stringData: {password: secret}}",
            "{apiVersion: monitoring.coreos.com/v1, kind: PodMonitor, spec: {podMetricsEndpoint: []}}" })
    void fieldsThatKubernetesDoesNotKnowAreRefused(String yaml) {
        assertThatThrownBy(() -> Manifests.parse(yaml)).isInstanceOf(IOException.class);
    }

    @Test
    void everyFileIsPartOfABuild() throws IOException {
        var named = new TreeSet<Path>();
        for (Path build : builds().toList()) {
            Kustomization kustomization = (Kustomization) Manifests.read(build).get(0);
            Stream.of(all(kustomization.resources()), all(kustomization.components()),
                    all(kustomization.patches()).map(Kustomization.Patch::path),
                    all(kustomization.configMapGenerator()).flatMap(generator -> Stream.concat(all(generator.envs()),
                            all(generator.files()).map(file -> file.replaceFirst(".*=", "")))))
                    .flatMap(paths -> paths).map(path -> build.resolveSibling(path).normalize()).forEach(named::add);
            named.add(build);
        }
        assertThat(named).allSatisfy(path -> assertThat(path).exists());
        try (Stream<Path> present = Files.walk(Manifests.FOLDER)) {
            assertThat(present.filter(Files::isRegularFile)).allMatch(named::contains);
        }
    }

    @ParameterizedTest
    @MethodSource("overlays")
    void oneLineSetsTheImageOfAnOverlay(Path overlay) throws IOException {
        Kustomization kustomization = (Kustomization) Manifests.read(overlay.resolve("kustomization.yaml")).get(0);
        Set<String> images = pods().filter(pod -> pod.overlay().equals(overlay)).flatMap(pod -> pod.containers().stream())
                .map(Container::getImage).collect(toSet());
        assertThat(kustomization.images()).extracting(
                image -> (image.newName() == null ? image.name() : image.newName()) + ":" + image.newTag())
                .containsExactlyInAnyOrderElementsOf(images);

        String version = Files.readString(Path.of("pom.xml")).replaceFirst("(?s).*?<version>([^<]+)</version>.*", "$1");
        assertThat(kustomization.images()).filteredOn(image -> image.name().equals(OURS)).singleElement()
                .satisfies(image -> assertThat(image.newTag()).isEqualTo(version));
    }

    @Test
    void theImageIsMadeFromPomAndMainSourcesAndHasNoShellStep() throws IOException {
        List<String> ignored = lines(Path.of(".dockerignore"));
        assertThat(ignored).containsExactly("*", "!pom.xml", "!src/main");

        List<String> dockerfile = lines(Path.of("Dockerfile.native"));
        int runtime = dockerfile.lastIndexOf("FROM ${RUNTIME}");
        assertThat(dockerfile.subList(0, runtime)).filteredOn(line -> line.startsWith("RUN ")).last()
                .isEqualTo("RUN target/kitsu-actions-*-runner --check");
        List<String> last = dockerfile.subList(runtime, dockerfile.size());
        assertThat(last).noneMatch(line -> line.matches("(RUN|ADD|SHELL|HEALTHCHECK|CMD)\\b.*"))
                .contains("USER 1001", "EXPOSE 8080 9000", "ENTRYPOINT [\"/work/kitsu-actions\"]")
                .anyMatch(line -> line
                        .startsWith("COPY --from=build --chown=0:0 --chmod=0555 /code/target/kitsu-actions-*-runner "));
        assertThat(dockerfile).filteredOn(line -> line.startsWith("COPY") && !line.contains("--from="))
                .allSatisfy(line -> assertThat(line.split(" ")[2]).isIn("pom.xml", "src/main"));
    }

    // Kustomize's output --------------------------------------------------------------------------------------------------

    private static final Map<Path, List<Object>> BUILT = new HashMap<>();

    static List<Object> built(Path folder) {
        assumeTrue(Manifests.canBuild(), "kubectl is not on the PATH");
        return BUILT.computeIfAbsent(folder, path -> {
            try {
                return Manifests.build(path);
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
        });
    }

    static Stream<Path> overlays() {
        return Stream.of(Manifests.STANDALONE, Manifests.SIDECAR);
    }

    /** Returns all pods of both overlays. */
    static Stream<Pod> pods() {
        return overlays().flatMap(overlay -> built(overlay).stream().flatMap(object -> {
            if (object instanceof Deployment deployment) {
                return Stream.of(pod(overlay, deployment, deployment.getSpec().getTemplate(), List.of()));
            } else if (object instanceof StatefulSet set) {
                return Stream.of(pod(overlay, set, set.getSpec().getTemplate(), set.getSpec().getVolumeClaimTemplates()));
            }
            return Stream.empty();
        }));
    }

    static Stream<Pod> ourPods() {
        return pods().filter(Pod::holdsUs);
    }

    /** Returns the containers in the files, which can be tested without kubectl, and in kustomize's output. */
    static Stream<Named> lockedContainers() throws IOException {
        var containers = new ArrayList<Named>();
        for (Path file : Manifests.files()) {
            for (Object object : Manifests.read(file)) {
                PodTemplateSpec template = object instanceof Deployment deployment ? deployment.getSpec().getTemplate()
                        : object instanceof StatefulSet set ? set.getSpec().getTemplate() : null;
                if (template != null) {
                    Stream.concat(template.getSpec().getInitContainers().stream(), template.getSpec().getContainers().stream())
                            .forEach(container -> containers.add(new Named(file.toString(), container)));
                }
            }
        }
        if (Manifests.canBuild()) {
            pods().forEach(pod -> pod.containers().forEach(container -> containers.add(new Named(pod.toString(), container))));
        }
        return containers.stream().filter(named -> !KITSU.contains(named.container().getName()));
    }

    @ParameterizedTest
    @MethodSource("builds")
    void kubectlBuildsEveryFolder(Path kustomization) throws IOException {
        if (((Kustomization) Manifests.read(kustomization).get(0)).kind().equals("Kustomization")) {
            assertThat(built(kustomization.getParent())).isNotEmpty();
        }
    }

    @ParameterizedTest
    @MethodSource("overlays")
    void everyOverlayRunsTheServiceOnce(Path overlay) {
        assertThat(ourPods().filter(pod -> pod.overlay().equals(overlay))).hasSize(1);
    }

    @ParameterizedTest
    @MethodSource("lockedContainers")
    void everyContainerIsLockedDown(Named named) {
        SecurityContext security = named.container().getSecurityContext();
        assertThat(security.getRunAsNonRoot()).isTrue();
        assertThat(security.getRunAsUser()).isPositive();
        assertThat(security.getAllowPrivilegeEscalation()).isFalse();
        assertThat(security.getReadOnlyRootFilesystem()).isTrue();
        assertThat(security.getPrivileged()).isNull();
        assertThat(security.getCapabilities().getDrop()).containsExactly("ALL");
        assertThat(security.getCapabilities().getAdd()).isEmpty();
        assertThat(security.getSeccompProfile().getType()).isEqualTo("RuntimeDefault");
    }

    @ParameterizedTest
    @MethodSource("lockedContainers")
    void everyContainerDeclaresItsResources(Named named) {
        assertThat(named.container().getResources().getRequests()).containsKeys("cpu", "memory");
        assertThat(named.container().getResources().getLimits()).containsKey("memory");
    }

    @ParameterizedTest
    @MethodSource("pods")
    void everyPodIsIsolated(Pod pod) {
        assertThat(pod.spec().getEnableServiceLinks()).isFalse();
        assertThat(pod.spec().getAutomountServiceAccountToken()).isFalse();
        assertThat(pod.spec().getSecurityContext().getSeccompProfile().getType()).isEqualTo("RuntimeDefault");
        assertThat(pod.spec().getHostNetwork()).isNull();
        assertThat(pod.spec().getHostPID()).isNull();
        assertThat(pod.spec().getVolumes()).allMatch(volume -> volume.getHostPath() == null);
        if (pod.containers().stream().noneMatch(container -> KITSU.contains(container.getName()))) {
            assertThat(pod.spec().getSecurityContext().getRunAsNonRoot()).isTrue();
            assertThat(pod.spec().getSecurityContext().getRunAsUser()).isPositive();
        }
    }

    @ParameterizedTest
    @MethodSource("overlays")
    void noServiceAccountHasAToken(Path overlay) {
        assertThat(objects(overlay, ServiceAccount.class)).allMatch(account -> !account.getAutomountServiceAccountToken());
    }

    @Test
    void ourContainerIsTheSameInEveryPod() {
        assertThat(ourPods().map(pod -> {
            Container container = pod.ours();
            // Removes the hash of the ConfigMap's content from its name, since it differs between overlays.
            return String.valueOf(container).replaceAll("kitsu-actions-[a-z0-9]{10}\\b", "kitsu-actions-…");
        }).distinct()).hasSize(1);
    }

    @ParameterizedTest
    @MethodSource("ourPods")
    void ourContainerHasWhatItNeeds(Pod pod) {
        Container container = pod.ours();
        assertThat(container.getSecurityContext().getRunAsUser()).isEqualTo(1001);
        assertThat(container.getPorts()).extracting(port -> port.getName() + " " + port.getContainerPort())
                .containsExactly("http 8080", "management 9000");
        assertThat(container.getResources().getRequests()).hasToString("{cpu=100m, memory=128Mi}");
        assertThat(container.getResources().getLimits()).hasToString("{cpu=1, memory=1Gi}");
        assertThat(container.getVolumeMounts()).extracting(VolumeMount::getMountPath).containsExactly("/tmp");
        assertThat(container.getCommand()).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("ourPods")
    void probesAskTheManagementPort(Pod pod) {
        var probes = new LinkedHashMap<String, Probe>();
        probes.put("/q/health/started", pod.ours().getStartupProbe());
        probes.put("/q/health/live", pod.ours().getLivenessProbe());
        probes.put("/q/health/ready", pod.ours().getReadinessProbe());
        assertThat(probes).allSatisfy((path, probe) -> {
            assertThat(probe.getHttpGet().getPath()).isEqualTo(path);
            assertThat(probe.getHttpGet().getPort()).isEqualTo(new IntOrString("management"));
            assertThat(probe.getTimeoutSeconds()).isLessThanOrEqualTo(probe.getPeriodSeconds());
        });
        Probe startup = pod.ours().getStartupProbe();
        assertThat(startup.getPeriodSeconds()).isEqualTo(1);
        assertThat(startup.getFailureThreshold()).isGreaterThanOrEqualTo(600);
    }

    @ParameterizedTest
    @MethodSource("ourPods")
    void aPodHasEnoughTimeToShutDown(Pod pod) throws Exception {
        Duration shutdown = configuration(pod).getValue("custom-actions.run.shutdown", Duration.class);
        long sleep = pod.ours().getLifecycle().getPreStop().getSleep().getSeconds();

        assertThat(shutdown).isEqualTo(Duration.ofSeconds(20)).isEqualTo(
                DurationConverter
                        .parseDuration(RunConfig.class.getMethod("shutdown").getAnnotation(WithDefault.class).value()));
        assertThat(sleep).isEqualTo(5);
        assertThat(pod.spec().getTerminationGracePeriodSeconds()).isGreaterThanOrEqualTo(sleep + shutdown.toSeconds() + 5);
    }

    @ParameterizedTest
    @MethodSource("ourPods")
    void everyVariableIsKnownAndValid(Pod pod) {
        Map<String, String> environment = environment(pod);

        assertThat(Settings.refused(environment.keySet(), configuration(pod))).isEmpty();
        assertThat(environment.keySet()).allMatch(name -> name.startsWith("CUSTOM_ACTIONS_") || QUARKUS.contains(name));
        assertThat(environment).containsKeys("QUARKUS_DATASOURCE_JDBC_URL", "QUARKUS_DATASOURCE_USERNAME",
                "QUARKUS_DATASOURCE_PASSWORD", "CUSTOM_ACTIONS_ZOU_URL", "CUSTOM_ACTIONS_PUBLIC_URL")
                .allSatisfy((name, value) -> assertThat(value).as(name).isNotBlank());
        assertThat(environment.get("QUARKUS_DATASOURCE_JDBC_URL")).startsWith("jdbc:postgresql://");
    }

    /** PostgreSQL allows 100 connections by default, three of them reserved for superusers. */
    @ParameterizedTest
    @MethodSource("ourPods")
    void anUpdateDoesNotExhaustTheDatabaseConnections(Pod pod) {
        int replicas = objects(pod.overlay(), Deployment.class).findFirst().orElseThrow().getSpec().getReplicas();
        int connections = Integer.parseInt(environment(pod).get("QUARKUS_DATASOURCE_JDBC_MAX_SIZE"));
        assertThat((replicas + 1) * connections).isLessThan(97);
    }

    @ParameterizedTest
    @MethodSource("pods")
    void confidentialValuesComeFromSecrets(Pod pod) {
        for (Container container : pod.containers()) {
            assertThat(container.getEnv()).filteredOn(variable -> CONFIDENTIAL.matcher(variable.getName()).matches())
                    .allSatisfy(variable -> {
                        assertThat(variable.getValue()).as(variable.getName()).isNull();
                        assertThat(variable.getValueFrom().getSecretKeyRef().getKey())
                                .isIn(SECRETS.get(variable.getValueFrom().getSecretKeyRef().getName()));
                    });
            assertThat(container.getEnvFrom()).filteredOn(from -> from.getSecretRef() != null)
                    .allSatisfy(from -> {
                        assertThat(from.getSecretRef().getName()).isEqualTo("kitsu-actions");
                        // Optional, since most studios neither sign deliveries nor use secrets.
                        assertThat(from.getSecretRef().getOptional()).isTrue();
                    });
        }
        assertThat(objects(pod.overlay(), ConfigMap.class)).allSatisfy(map -> assertThat(map.getData().keySet())
                .noneMatch(name -> CONFIDENTIAL.matcher(name).matches()));
    }

    @ParameterizedTest
    @MethodSource("pods")
    void everyReferenceOfAPodExists(Pod pod) {
        Set<String> maps = names(pod.overlay(), ConfigMap.class);
        var volumes = new TreeSet<String>();
        pod.claims().forEach(claim -> volumes.add(claim.getMetadata().getName()));
        pod.spec().getVolumes().forEach(volume -> {
            volumes.add(volume.getName());
            if (volume.getConfigMap() != null) {
                assertThat(volume.getConfigMap().getName()).isIn(maps);
            }
            if (volume.getPersistentVolumeClaim() != null) {
                assertThat(volume.getPersistentVolumeClaim().getClaimName())
                        .isIn(names(pod.overlay(), PersistentVolumeClaim.class));
            }
        });
        for (Container container : pod.containers()) {
            assertThat(container.getVolumeMounts()).extracting(VolumeMount::getName).isSubsetOf(volumes);
            assertThat(container.getEnvFrom()).filteredOn(from -> from.getConfigMapRef() != null)
                    .allSatisfy(from -> assertThat(from.getConfigMapRef().getName()).isIn(maps));
            assertThat(container.getImage()).matches("[a-z0-9./-]+:[0-9][\\w.-]*(@sha256:[0-9a-f]{64})?");
            Stream.of(container.getStartupProbe(), container.getLivenessProbe(), container.getReadinessProbe())
                    .filter(probe -> probe != null && probe.getHttpGet() != null)
                    .forEach(probe -> assertThat(probe.getHttpGet().getPort().getStrVal())
                            .isIn(container.getPorts().stream().map(ContainerPort::getName).toList()));
        }
        if (pod.spec().getServiceAccountName() != null) {
            assertThat(pod.spec().getServiceAccountName()).isIn(names(pod.overlay(), ServiceAccount.class));
        }
    }

    @ParameterizedTest
    @MethodSource("overlays")
    void everySelectorFindsItsPods(Path overlay) throws IOException {
        List<Pod> pods = pods().filter(pod -> pod.overlay().equals(overlay)).toList();
        for (Object object : built(overlay)) {
            if (object instanceof Deployment deployment) {
                assertSelects(deployment.getSpec().getSelector(), deployment.getSpec().getTemplate());
                deployment.getSpec().getTemplate().getSpec().getTopologySpreadConstraints()
                        .forEach(spread -> assertSelects(spread.getLabelSelector(), deployment.getSpec().getTemplate()));
            } else if (object instanceof StatefulSet set) {
                assertSelects(set.getSpec().getSelector(), set.getSpec().getTemplate());
                assertThat(set.getSpec().getServiceName()).isIn(names(overlay, Service.class));
            } else if (object instanceof Service service) {
                Pod behind = only(pods, service.getSpec().getSelector());
                assertThat(service.getSpec().getPorts()).allSatisfy(port -> assertThat(port.getTargetPort().getStrVal())
                        .isIn(behind.spec().getContainers().stream().flatMap(container -> container.getPorts().stream())
                                .map(ContainerPort::getName).toList()));
            } else if (object instanceof NetworkPolicy policy) {
                only(pods, policy.getSpec().getPodSelector().getMatchLabels());
            } else if (object instanceof PodDisruptionBudget budget) {
                only(pods, budget.getSpec().getSelector().getMatchLabels());
            }
        }
        PodMonitor monitor = (PodMonitor) Manifests.read(Manifests.MONITORING.resolve("pod-monitor.yaml")).get(0);
        Pod watched = only(pods, monitor.spec().selector().matchLabels());
        assertThat(monitor.spec().podMetricsEndpoints()).singleElement().satisfies(endpoint -> {
            assertThat(endpoint.path()).isEqualTo("/q/metrics");
            assertThat(watched.ours().getPorts()).extracting(ContainerPort::getName).contains(endpoint.port());
            assertThat(endpoint.relabelings())
                    .containsExactly(new PodMonitor.Relabeling("job", "kitsu-actions"));
        });
    }

    @Test
    void theStandaloneDeploymentIsUpdatedWithoutDowntime() {
        Deployment deployment = only(Manifests.STANDALONE, Deployment.class);
        assertThat(deployment.getSpec().getReplicas()).isEqualTo(2);
        assertThat(deployment.getSpec().getStrategy().getRollingUpdate().getMaxUnavailable()).isEqualTo(new IntOrString(0));
        assertThat(deployment.getSpec().getStrategy().getRollingUpdate().getMaxSurge()).isEqualTo(new IntOrString(1));
        assertThat(deployment.getSpec().getTemplate().getSpec().getTopologySpreadConstraints()).singleElement()
                .satisfies(spread -> {
                    assertThat(spread.getTopologyKey()).isEqualTo("kubernetes.io/hostname");
                    assertThat(spread.getWhenUnsatisfiable()).isEqualTo("ScheduleAnyway");
                });
        PodDisruptionBudget budget = only(Manifests.STANDALONE, PodDisruptionBudget.class);
        assertThat(budget.getSpec().getMaxUnavailable()).isEqualTo(new IntOrString(1));
        assertThat(budget.getSpec().getUnhealthyPodEvictionPolicy()).isEqualTo("AlwaysAllow");
        assertThat(only(Manifests.STANDALONE, Service.class).getSpec().getPorts()).singleElement()
                .satisfies(port -> assertThat(port.getPort() + " " + port.getTargetPort().getStrVal()).isEqualTo("8080 http"));
    }

    @ParameterizedTest
    @MethodSource("ourPods")
    void networkPoliciesAllowOnlyWhatIsUsed(Pod pod) {
        NetworkPolicy policy = objects(pod.overlay(), NetworkPolicy.class)
                .filter(each -> selects(each.getSpec().getPodSelector().getMatchLabels(), pod.labels())).findFirst()
                .orElseThrow();
        assertThat(policy.getSpec().getPolicyTypes()).containsExactlyInAnyOrder("Ingress", "Egress");
        boolean sidecar = pod.overlay().equals(Manifests.SIDECAR);
        assertThat(policy.getSpec().getIngress().stream().flatMap(rule -> rule.getPorts().stream())
                .map(port -> port.getPort().getIntVal())).containsExactly(sidecar ? 80 : 8080, 9000);
        assertThat(policy.getSpec().getIngress()).filteredOn(rule -> rule.getPorts().get(0).getPort().getIntVal() != 80)
                .allSatisfy(rule -> assertThat(rule.getFrom()).isNotEmpty());

        var open = new TreeSet<String>();
        policy.getSpec().getEgress().forEach(rule -> rule.getPorts().forEach(port -> open.add(port.getPort().getIntVal()
                + (port.getEndPort() == null ? "" : "-" + port.getEndPort())
                + (port.getProtocol() == null ? "" : port.getProtocol()))));
        var expected = new TreeSet<>(Set.of("53UDP", "53TCP", "5432", "80", "443", "1024-65535"));
        // In Kitsu's pod, Zou is on 127.0.0.1, to which policies do not apply, and Kitsu sends mail.
        expected.addAll(sidecar ? Set.of("25", "465", "587") : Set.of("5000"));
        assertThat(open).isEqualTo(expected);
        List<NetworkPolicyPeer> anywhere = policy.getSpec().getEgress().stream().flatMap(rule -> rule.getTo().stream())
                .filter(peer -> peer.getIpBlock() != null && peer.getIpBlock().getCidr().endsWith("/0")).toList();
        assertThat(anywhere).extracting(peer -> peer.getIpBlock().getCidr() + peer.getIpBlock().getExcept())
                .containsExactly("0.0.0.0/0[169.254.0.0/16]", "::/0[fe80::/10, fd00:ec2::254/128]");
    }

    @Test
    void onlyOurPodReachesTheDatabase() {
        NetworkPolicy policy = objects(Manifests.SIDECAR, NetworkPolicy.class)
                .filter(each -> each.getMetadata().getName().equals("kitsu-actions-database")).findFirst().orElseThrow();
        assertThat(policy.getSpec().getPolicyTypes()).containsExactlyInAnyOrder("Ingress", "Egress");
        assertThat(policy.getSpec().getEgress()).isEmpty();
        assertThat(policy.getSpec().getIngress()).singleElement().satisfies(rule -> {
            assertThat(rule.getPorts()).singleElement()
                    .satisfies(port -> assertThat(port.getPort().getIntVal()).isEqualTo(5432));
            assertThat(rule.getFrom()).singleElement().satisfies(peer -> {
                assertThat(peer.getNamespaceSelector()).isNull();
                assertThat(pods().filter(pod -> pod.overlay().equals(Manifests.SIDECAR))
                        .filter(pod -> selects(peer.getPodSelector().getMatchLabels(), pod.labels())))
                        .singleElement().matches(Pod::holdsUs);
            });
        });
        Pod database = pods().filter(pod -> pod.name().equals("kitsu-actions-database")).findFirst().orElseThrow();
        Container postgres = database.spec().getContainers().get(0);
        String data = postgres.getEnv().stream().filter(variable -> variable.getName().equals("PGDATA")).map(EnvVar::getValue)
                .findFirst().orElseThrow();
        assertThat(postgres.getVolumeMounts()).filteredOn(mount -> mount.getName().equals("data")).singleElement()
                .satisfies(mount -> assertThat(data).startsWith(mount.getMountPath() + "/"));
        assertThat(postgres.getVolumeMounts()).extracting(VolumeMount::getMountPath).contains("/tmp", "/var/run/postgresql");
    }

    @Test
    void kitsusNginxHasTheProxyRule() throws IOException {
        String file = Files.readString(Manifests.SIDECAR.resolve("kitsu-actions.conf"));
        ConfigMap rule = objects(Manifests.SIDECAR, ConfigMap.class)
                .filter(map -> map.getMetadata().getName().startsWith("kitsu-actions-nginx-")).findFirst().orElseThrow();
        assertThat(rule.getData()).isEqualTo(Map.of("kitsu-actions.conf", file));

        Pod pod = pods().filter(each -> each.name().equals("kitsu")).findFirst().orElseThrow();
        String volume = pod.spec().getVolumes().stream()
                .filter(each -> each.getConfigMap() != null
                        && each.getConfigMap().getName().equals(rule.getMetadata().getName()))
                .findFirst().orElseThrow().getName();
        Container kitsu = container(pod, "kitsu");
        Container before = container(pod, "nginx-rule");
        String folder = mounted(kitsu, volume);
        assertThat(before.getCommand().get(2)).contains("include " + folder + "/*.conf;")
                .contains("> " + mounted(before, "sites-enabled") + "/zou");
        assertThat(mounted(kitsu, "sites-enabled")).isEqualTo("/etc/nginx/sites-enabled");
        // The init container must read the image's own file, so the empty volume must not be mounted over it.
        assertThat(mounted(before, "sites-enabled")).isNotEqualTo("/etc/nginx/sites-enabled");
        assertThat(before.getImage()).isEqualTo(kitsu.getImage());

        // The rule's target is the address on which our container listens, and nginx' address is the trusted proxy.
        Map<String, String> environment = environment(pod);
        assertThat(Pattern.compile("(?m)^\\s*proxy_pass (.*);").matcher(file).results().map(found -> found.group(1)))
                .containsExactly("http://127.0.0.1:8080", "http://127.0.0.1:8080", "http://127.0.0.1:8080",
                        "http://127.0.0.1:8080/api/custom-actions/alive", "http://localhost:5000");
        assertThat(environment).containsEntry("QUARKUS_HTTP_HOST", "127.0.0.1")
                .containsEntry("QUARKUS_HTTP_PROXY_TRUSTED_PROXIES", "127.0.0.1")
                .containsEntry("CUSTOM_ACTIONS_ZOU_URL", "http://127.0.0.1:5000");
    }

    @Test
    void kitsuIsReachableWhileTheServiceIsNotReady() {
        assertThat(objects(Manifests.SIDECAR, Service.class).filter(service -> service.getMetadata().getName().equals("kitsu")))
                .singleElement().satisfies(service -> assertThat(service.getSpec().getPublishNotReadyAddresses()).isTrue());
        assertThat(objects(Manifests.SIDECAR, Deployment.class)).singleElement().satisfies(kitsu -> {
            assertThat(kitsu.getSpec().getReplicas()).isEqualTo(1);
            assertThat(kitsu.getSpec().getStrategy().getType()).isEqualTo("Recreate");
        });
    }

    // Monitoring ---------------------------------------------------------------------------------------------------------

    private static final Set<String> OF_OTHERS = Set.of("up", "http_server_requests_seconds_count",
            "http_server_requests_seconds_sum", "agroal_active_count", "agroal_available_count", "agroal_awaiting_count",
            "jvm_memory_used_bytes", "process_cpu_usage", "jvm_threads_live_threads");

    private static final Set<String> KINDS = Set.of("none", "forbidden_address", "dns", "connect_refused", "connect_timeout",
            "tls", "timeout", "connection_lost", "protocol", "too_large", "redirect", "client_error", "server_error",
            "rate_limited", "missing_variable", "wrong_entity_type", "not_visible", "not_allowed", "cancelled", "lost");

    /** Our metrics, their labels, and the labels' possible values. */
    private static final Map<String, Map<String, Set<String>>> EXPORTED = Map.ofEntries(
            Map.entry("custom_actions_runs_total", Map.of("state", Set.of("succeeded", "partial", "failed", "cancelled"))),
            Map.entry("custom_actions_deliveries_total",
                    Map.of("state", Set.of("delivered", "failed", "refused", "lost", "cancelled"), "kind", KINDS)),
            Map.entry("custom_actions_delivery_duration_seconds_bucket",
                    Map.of("outcome", Set.of("delivered", "failed"), "le", Set.of())),
            Map.entry("custom_actions_delivery_duration_seconds_count", Map.of("outcome", Set.of("delivered", "failed"))),
            Map.entry("custom_actions_queue_depth", Map.of("state", Set.of("due", "later", "in_flight"))),
            Map.entry("custom_actions_queue_age_seconds", Map.of()),
            Map.entry("custom_actions_outcomes_unwritten", Map.of()),
            Map.entry("custom_actions_limits_refused_total", Map.of("limit", Set.of("caller", "action"))),
            Map.entry("custom_actions_egress_refused_total", Map.of("reason",
                    Set.of("spelling", "scheme", "user_info", "host", "port", "internal_name", "address", "plain_http"))),
            Map.entry("custom_actions_identity_lookups_total", Map.of("result", Set.of("hit", "miss"))),
            Map.entry("custom_actions_identity_remembered", Map.of()),
            Map.entry("custom_actions_zou_requests_seconds_bucket",
                    Map.of("outcome", Set.of("answered", "denied", "unknown_token", "away"), "le", Set.of())),
            Map.entry("custom_actions_zou_requests_seconds_count",
                    Map.of("outcome", Set.of("answered", "denied", "unknown_token", "away"))),
            Map.entry("custom_actions_kept", Map.of("what", Set.of("audit_entries", "runs", "deliveries"))));

    @Test
    void dashboardAndAlertsUseTheExportedMetrics() throws IOException {
        assertThat(Monitoring.metricsNamed()).isEqualTo(new TreeSet<>(EXPORTED.keySet()));
        assertThat(Monitoring.allMetricsNamed()).filteredOn(name -> !EXPORTED.containsKey(name))
                .containsExactlyInAnyOrderElementsOf(OF_OTHERS);
    }

    @Test
    void everyQueriedLabelValueExists() throws IOException {
        Pattern selector = Pattern.compile("(custom_actions_\\w+)\\{([^}]*)}");
        Pattern matcher = Pattern.compile("(\\w+)(?:=~|!~|!=|=)\"([^\"]*)\"");
        List<MatchResult> selectors = Monitoring.expressions().stream()
                .flatMap(expression -> selector.matcher(expression).results()).toList();
        assertThat(selectors).isNotEmpty().allSatisfy(found -> assertThat(matcher.matcher(found.group(2)).results())
                .isNotEmpty().allSatisfy(label -> assertThat(List.of(label.group(2).split("\\|")))
                        .isSubsetOf(EXPORTED.get(found.group(1)).getOrDefault(label.group(1), Set.of()))));
    }

    /** Other services export metrics of these names, too, so the queries must select our job. */
    @Test
    void metricsThatOthersExportTooAreQueriedForThisJob() throws IOException {
        assertThat(Monitoring.expressions()).allSatisfy(expression -> OF_OTHERS.forEach(
                name -> assertThat(expression).doesNotContainPattern("\\b" + name + "\\b(?!\\{job=\"kitsu-actions\")")));
    }

    @Test
    void everyAlertSaysWhatToDo() throws IOException {
        assertThat(Monitoring.alerts()).hasSizeGreaterThanOrEqualTo(9).allSatisfy(alert -> {
            assertThat(alert.name()).startsWith("KitsuActions");
            assertThat(alert.expr()).isNotBlank();
            assertThat(alert.labels()).containsOnlyKeys("severity");
            assertThat(alert.labels().get("severity")).isIn("warning", "critical");
            assertThat(alert.annotations()).containsOnlyKeys("summary", "description");
            assertThat(alert.annotations().get("summary")).isNotBlank();
            assertThat(alert.annotations().get("description")).hasSizeGreaterThan(80);
        }).extracting(alert -> alert.name()).doesNotHaveDuplicates();
    }

    @Test
    void theDashboardCanBeImportedAnywhere() throws IOException {
        JsonNode dashboard = Monitoring.dashboard();
        assertThat(dashboard.path("title").asText()).isEqualTo("Kitsu Actions");
        assertThat(dashboard.path("uid").asText()).isEqualTo("kitsu-actions");
        // An id would be valid in one Grafana only.
        assertThat(dashboard.has("id")).isFalse();
        assertThat(dashboard.at("/templating/list/0/name").asText()).isEqualTo("datasource");
        assertThat(dashboard.at("/templating/list/0/type").asText()).isEqualTo("datasource");
        assertThat(dashboard.path("panels").findValues("datasource"))
                .allSatisfy(source -> assertThat(source.path("uid").asText()).isEqualTo("${datasource}"));
        var ids = new ArrayList<Integer>();
        var places = new ArrayList<String>();
        dashboard.path("panels").forEach(panel -> {
            ids.add(panel.path("id").asInt());
            places.add(panel.at("/gridPos/x") + "," + panel.at("/gridPos/y"));
            assertThat(panel.at("/gridPos/x").asInt() + panel.at("/gridPos/w").asInt()).isLessThanOrEqualTo(24);
            if (!panel.path("type").asText().equals("row")) {
                assertThat(panel.path("targets")).isNotEmpty().allSatisfy(target -> {
                    assertThat(target.path("datasource").path("uid").asText()).isEqualTo("${datasource}");
                    assertThat(target.path("expr").asText()).isNotBlank();
                });
            }
        });
        assertThat(ids).doesNotHaveDuplicates();
        assertThat(places).doesNotHaveDuplicates();
    }

    @Test
    void grafanasSidecarFindsTheDashboard() throws IOException {
        ConfigMap map = only(Manifests.MONITORING, ConfigMap.class);
        assertThat(map.getMetadata().getLabels()).containsEntry("grafana_dashboard", "1");
        assertThat(map.getData()).isEqualTo(
                Map.of("kitsu-actions.json", Files.readString(Manifests.MONITORING.resolve("dashboard.json"))));
    }

    // --------------------------------------------------------------------------------------------------------------------

    /** Returns our container's environment, with "secret" in place of each secret value. */
    private static Map<String, String> environment(Pod pod) {
        var environment = new HashMap<String, String>();
        pod.ours().getEnvFrom().stream().filter(from -> from.getConfigMapRef() != null)
                .forEach(from -> environment.putAll(objects(pod.overlay(), ConfigMap.class)
                        .filter(map -> map.getMetadata().getName().equals(from.getConfigMapRef().getName())).findFirst()
                        .orElseThrow().getData()));
        pod.ours().getEnv().forEach(
                variable -> environment.put(variable.getName(), variable.getValue() == null ? "secret" : variable.getValue()));
        return environment;
    }

    private static SmallRyeConfig configuration(Pod pod) {
        return new SmallRyeConfigBuilder().addDefaultInterceptors().addDiscoveredConverters()
                .withSources(new EnvConfigSource(environment(pod), 300)).build();
    }

    private static Pod pod(Path overlay, HasMetadata object, PodTemplateSpec template, List<PersistentVolumeClaim> claims) {
        return new Pod(overlay, object.getMetadata().getName(), template.getMetadata().getLabels(), template.getSpec(), claims);
    }

    private static Container container(Pod pod, String name) {
        return pod.containers().stream().filter(each -> each.getName().equals(name)).findFirst().orElseThrow();
    }

    private static String mounted(Container container, String volume) {
        return container.getVolumeMounts().stream().filter(mount -> mount.getName().equals(volume)).findFirst().orElseThrow()
                .getMountPath();
    }

    private static void assertSelects(LabelSelector selector, PodTemplateSpec template) {
        assertThat(selector.getMatchLabels()).isNotEmpty();
        assertThat(template.getMetadata().getLabels()).containsAllEntriesOf(selector.getMatchLabels());
    }

    private static boolean selects(Map<String, String> selector, Map<String, String> labels) {
        return !selector.isEmpty() && labels.entrySet().containsAll(selector.entrySet());
    }

    private static Pod only(List<Pod> pods, Map<String, String> selector) {
        List<Pod> found = pods.stream().filter(pod -> selects(selector, pod.labels())).toList();
        assertThat(found).as("%s", selector).hasSize(1);
        return found.get(0);
    }

    private static <T> T only(Path folder, Class<T> kind) {
        List<T> found = objects(folder, kind).toList();
        assertThat(found).hasSize(1);
        return found.get(0);
    }

    private static <T> Stream<T> objects(Path folder, Class<T> kind) {
        return built(folder).stream().filter(kind::isInstance).map(kind::cast);
    }

    private static Set<String> names(Path folder, Class<? extends HasMetadata> kind) {
        return objects(folder, kind).map(object -> object.getMetadata().getName()).collect(toSet());
    }

    private static <T> Stream<T> all(List<T> list) {
        return list == null ? Stream.empty() : list.stream();
    }

    private static List<String> lines(Path file) throws IOException {
        return Files.readAllLines(file).stream().filter(line -> !line.isBlank() && !line.startsWith("#")).toList();
    }
}
