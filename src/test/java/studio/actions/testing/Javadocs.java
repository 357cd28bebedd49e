package studio.actions.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

import com.sun.source.doctree.DocCommentTree;
import com.sun.source.doctree.DocTree;
import com.sun.source.doctree.EndElementTree;
import com.sun.source.doctree.LinkTree;
import com.sun.source.doctree.LiteralTree;
import com.sun.source.doctree.StartElementTree;
import com.sun.source.doctree.TextTree;
import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.VariableTree;
import com.sun.source.util.DocTrees;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreePath;
import com.sun.source.util.TreePathScanner;

/**
 * The Javadoc of a type and its members, read from its source. Each text is the first paragraph as Markdown; empty if there is
 * no Javadoc.
 *
 * @param members the texts of methods, fields and enum constants by name, in the order of the source
 */
public record Javadocs(String type, Map<String, String> members) {

    public static Javadocs of(Class<?> type) {
        Path source = Path.of("src/main/java", type.getName().replaceAll("\\$.*", "").replace('.', '/') + ".java");
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
            JavacTask task = (JavacTask) compiler.getTask(null, files, null, List.of("-proc:none"), null,
                    files.getJavaFileObjects(source));
            DocTrees trees = DocTrees.instance(task);
            CompilationUnitTree unit = task.parse().iterator().next();
            Javadocs[] found = new Javadocs[1];
            new TreePathScanner<Void, Void>() {
                @Override
                public Void visitClass(ClassTree tree, Void none) {
                    if (tree.getSimpleName().contentEquals(type.getSimpleName())) {
                        found[0] = of(tree, getCurrentPath(), trees);
                    }
                    return super.visitClass(tree, none);
                }
            }.scan(unit, null);
            return found[0];
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Javadocs of(ClassTree type, TreePath path, DocTrees trees) {
        Map<String, String> members = new LinkedHashMap<>();
        type.getMembers().forEach(member -> {
            String text = markdown(trees.getDocCommentTree(new TreePath(path, member)));
            if (member instanceof MethodTree method) {
                members.put(method.getName().toString(), text);
            } else if (member instanceof VariableTree field) {
                members.put(field.getName().toString(), text);
            }
        });
        return new Javadocs(markdown(trees.getDocCommentTree(path)), members);
    }

    private static String markdown(DocCommentTree comment) {
        StringBuilder text = new StringBuilder();
        for (DocTree part : comment == null ? List.<DocTree> of() : comment.getFullBody()) {
            if (part instanceof StartElementTree start && start.getName().contentEquals("p")) {
                break;
            }
            text.append(markdown(part));
        }
        return text.toString().strip().replaceAll("\\s+", " ");
    }

    private static String markdown(DocTree part) {
        if (part instanceof TextTree plain) {
            return plain.getBody();
        }
        if (part instanceof LiteralTree literal && literal.getKind() == DocTree.Kind.CODE) {
            return "`" + literal.getBody().getBody() + "`";
        }
        if (part instanceof LinkTree link) {
            return "`" + link.getReference().getSignature().replaceFirst("^#", "") + "`";
        }
        if (part instanceof StartElementTree start && start.getName().contentEquals("code")
                || part instanceof EndElementTree end && end.getName().contentEquals("code")) {
            return "`";
        }
        throw new IllegalArgumentException("Write this without Javadoc's " + part.getKind() + ": " + part);
    }
}
