package studio.actions.start;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.Type;
import org.objectweb.asm.tree.AbstractInsnNode;
import org.objectweb.asm.tree.ClassNode;
import org.objectweb.asm.tree.LdcInsnNode;
import org.objectweb.asm.tree.MethodInsnNode;
import org.objectweb.asm.tree.MethodNode;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;

import io.quarkus.bootstrap.app.CuratedApplication;
import io.quarkus.bootstrap.app.QuarkusBootstrap;
import io.smallrye.config.WithDefault;

/**
 * The sources of the native image, as Quarkus generates them for GraalVM. A native image can load a class by name only if
 * the class is registered, and settings may name classes: in application.properties, in values that Quarkus computes at
 * build time, and in defaults.
 */
class NativeSourcesTest {

    /** The packages in which Quarkus generates the settings, and the calls that set up the service. */
    private static final String SETTINGS = "io/quarkus/runtime/generated/";
    private static final String CALLS = "io/quarkus/runner/recorded/";

    /** Class names that are only compared with other names or with log lines; these classes are never loaded by name. */
    private static final Set<String> ONLY_COMPARED = Set.of("io.quarkus.security.StringPermission",
            "jdk.internal.misc.Unsafe", "sun.misc.Unsafe");

    private static Path sources;
    private static Path jar;
    private static URLClassLoader image;

    @BeforeAll
    static void build(@TempDir Path folder) throws Exception {
        Properties settings = new Properties();
        settings.putAll(Map.of("quarkus.native.enabled", "true", "quarkus.native.sources-only", "true",
                "quarkus.package.jar.enabled", "false", "quarkus.package.main-class", Main.class.getName()));
        Path project = Path.of("").toAbsolutePath();
        try (CuratedApplication application = QuarkusBootstrap.builder().setProjectRoot(project)
                .setApplicationRoot(project.resolve("target/classes")).setTargetDirectory(folder).setBaseName("native")
                .setMode(QuarkusBootstrap.Mode.PROD).setBuildSystemProperties(settings).setLocalProjectDiscovery(true)
                .setIsolateDeployment(true).build().bootstrap()) {
            application.createAugmentor().createProductionApplication();
        }
        sources = folder.resolve("native-sources");
        jar = sources.resolve("native-runner.jar");
        List<URL> jars = new ArrayList<>(List.of(jar.toUri().toURL()));
        try (Stream<Path> libraries = Files.list(sources.resolve("lib"))) {
            for (Path library : libraries.toList()) {
                jars.add(library.toUri().toURL());
            }
        }
        image = new URLClassLoader(jars.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
    }

    @AfterAll
    static void close() throws IOException {
        image.close();
    }

    @Test
    void registersEveryClassThatASettingNames() throws IOException {
        Set<String> named = Stream.of(ownSettings(), settings(), defaults(), translatedSettings()).flatMap(Set::stream)
                .flatMap(value -> Stream.of(value.split("\\s*,\\s*"))).filter(NativeSourcesTest::isClass)
                .collect(Collectors.toCollection(TreeSet::new));
        named.removeAll(ONLY_COMPARED);

        assertThat(named).as("of each kind").contains("org.hibernate.boot.model.naming.PhysicalNamingStrategySnakeCaseImpl",
                "com.fasterxml.jackson.databind.PropertyNamingStrategies$SnakeCaseStrategy",
                "com.arjuna.ats.internal.jta.recovery.arjunacore.XARecoveryModule");
        assertThat(registered("allDeclaredConstructors")).containsAll(named);
    }

    /** UnknownParameters and Problems read the annotations of methods by reflection. */
    @Test
    void registersTheMethodsOfEachResource() throws IOException {
        Set<String> resources = new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests())
                .importPackages("studio.actions").stream()
                .filter(one -> one.tryGetAnnotationOfType(jakarta.ws.rs.Path.class)
                        .map(path -> path.value().startsWith("/api/")).orElse(false))
                .map(JavaClass::getName).collect(Collectors.toSet());

        assertThat(resources).hasSizeGreaterThan(11);
        assertThat(registered("allDeclaredMethods")).containsAll(resources);
    }

    @Test
    void runsOnOldAndNewProcessors() throws IOException {
        assertThat(Files.readString(sources.resolve("native-image.args"))).contains(" -march=compatibility ");
    }

    private static Set<String> ownSettings() throws IOException {
        Properties own = new Properties();
        try (Reader text = Files.newBufferedReader(Path.of("src/main/resources/application.properties"))) {
            own.load(text);
        }
        return Set.copyOf(own.values().stream().map(String::valueOf).toList());
    }

    /** Returns the settings' values at run time. */
    private static Set<String> settings() throws IOException {
        return texts(SETTINGS, call -> call.name.equals("put"));
    }

    /** Returns the values that replace abbreviated settings, such as a class for SNAKE_CASE; these settings are optional. */
    private static Set<String> translatedSettings() throws IOException {
        return texts(CALLS, call -> call.owner.equals("java/util/Optional"));
    }

    private static Set<String> defaults() throws IOException {
        Set<String> values = new TreeSet<>();
        for (String mapping : texts(SETTINGS, call -> call.name.equals("ensureLoaded"))) {
            try (InputStream code = image.getResourceAsStream(mapping.replace('.', '/') + ".class")) {
                read(code).methods.stream().filter(method -> method.visibleAnnotations != null)
                        .flatMap(method -> method.visibleAnnotations.stream())
                        .filter(annotation -> annotation.desc.equals(Type.getDescriptor(WithDefault.class)))
                        .forEach(annotation -> values.add(annotation.values.get(1).toString()));
            }
        }
        return values;
    }

    /** Returns the string constants in a package of the application's jar that are arguments of certain calls. */
    private static Set<String> texts(String folder, Predicate<MethodInsnNode> into) throws IOException {
        Set<String> texts = new TreeSet<>();
        try (JarFile classes = new JarFile(jar.toFile())) {
            for (var entry : classes.stream().filter(one -> one.getName().startsWith(folder)).toList()) {
                if (entry.getName().endsWith(".class")) {
                    for (MethodNode method : read(classes.getInputStream(entry)).methods) {
                        for (AbstractInsnNode step : method.instructions) {
                            if (step instanceof LdcInsnNode constant && constant.cst instanceof String text
                                    && nextCall(step) instanceof MethodInsnNode call && into.test(call)) {
                                texts.add(text);
                            }
                        }
                    }
                }
            }
        }
        return texts;
    }

    private static AbstractInsnNode nextCall(AbstractInsnNode step) {
        AbstractInsnNode next = step;
        while (next != null && !(next instanceof MethodInsnNode)) {
            next = next.getNext();
        }
        return next;
    }

    private static ClassNode read(InputStream code) throws IOException {
        ClassNode read = new ClassNode();
        new ClassReader(code).accept(read, ClassReader.SKIP_DEBUG | ClassReader.SKIP_FRAMES);
        return read;
    }

    private static boolean isClass(String name) {
        return name.contains(".") && image.getResource(name.replace('.', '/') + ".class") != null;
    }

    private static Set<String> registered(String what) throws IOException {
        Set<String> names = new TreeSet<>();
        try (JarFile classes = new JarFile(jar.toFile())) {
            JsonNode all = new ObjectMapper()
                    .readTree(classes.getInputStream(classes.getEntry("META-INF/native-image/reflect-config.json")));
            all.forEach(one -> {
                if (one.path(what).asBoolean()) {
                    names.add(one.get("name").asText());
                }
            });
        }
        return names;
    }
}
