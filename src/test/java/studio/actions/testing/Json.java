package studio.actions.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

import org.hamcrest.Description;
import org.hamcrest.Matcher;
import org.hamcrest.TypeSafeDiagnosingMatcher;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.restassured.response.Response;
import io.restassured.response.ResponseBodyData;

/**
 * A JSON answer, read by paths such as {@code deliveries[0].failure.kind}. A name after a list is read from each element.
 * RestAssured's own paths do the same, but compile a script for each of the thousands of reads.
 */
public final class Json {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final Object root;

    private Json(Object root) {
        this.root = root;
    }

    public static Json of(String text) {
        try {
            return new Json(MAPPER.readValue(text, Object.class));
        } catch (JsonProcessingException e) {
            throw new AssertionError("No JSON: " + text, e);
        }
    }

    public static Json of(ResponseBodyData answer) {
        return of(answer.asString());
    }

    /** Checks the status of an answer and reads its body. */
    public static Json of(int status, Response answer) {
        return of(answer.then().statusCode(status).extract());
    }

    public static String text(Object value) {
        try {
            return MAPPER.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Matches the body of an answer, for {@code response.then().body(…)}: path, matcher, path, matcher … */
    public static Matcher<String> has(String path, Matcher<?> expected, Object... more) {
        return new TypeSafeDiagnosingMatcher<>() {

            @Override
            protected boolean matchesSafely(String body, Description mismatch) {
                Json json = of(body);
                return fits(json, path, expected, mismatch) && fits(json, more, mismatch);
            }

            private boolean fits(Json json, Object[] pairs, Description mismatch) {
                for (int i = 0; i < pairs.length; i += 2) {
                    if (!fits(json, (String) pairs[i], (Matcher<?>) pairs[i + 1], mismatch)) {
                        return false;
                    }
                }
                return true;
            }

            private boolean fits(Json json, String path, Matcher<?> expected, Description mismatch) {
                Object found = json.get(path);
                if (expected.matches(found)) {
                    return true;
                }
                mismatch.appendText(path + " ");
                expected.describeMismatch(found, mismatch);
                mismatch.appendText(", in " + json.prettify());
                return false;
            }

            @Override
            public void describeTo(Description description) {
                description.appendText(path + " ").appendDescriptionOf(expected);
                for (int i = 0; i < more.length; i += 2) {
                    description.appendText(", " + more[i] + " ").appendDescriptionOf((Matcher<?>) more[i + 1]);
                }
            }
        };
    }

    /** Returns the value at a path, or null if there is none. The empty path is the whole answer. */
    @SuppressWarnings("unchecked")
    public <T> T get(String path) {
        Object found = root;
        for (String step : Arrays.stream(path.split("[.\\[]")).filter(step -> !step.isEmpty()).toList()) {
            found = step.endsWith("]") ? element((List<?>) found, Integer.parseInt(step.substring(0, step.length() - 1)))
                    : property(found, step);
        }
        return (T) found;
    }

    private static Object element(List<?> list, int index) {
        return list != null && index < list.size() ? list.get(index) : null;
    }

    private static Object property(Object of, String name) {
        if (of instanceof List<?> list) {
            List<Object> each = new ArrayList<>();
            list.forEach(one -> each.add(property(one, name)));
            return each;
        }
        return of == null ? null : ((Map<?, ?>) of).get(name);
    }

    public String getString(String path) {
        Object found = get(path);
        return found == null ? null : found.toString();
    }

    public int getInt(String path) {
        return ((Number) get(path)).intValue();
    }

    public <V> Map<String, V> getMap(String path) {
        return get(path);
    }

    public <E> List<E> getList(String path) {
        return get(path);
    }

    public String prettify() {
        try {
            return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(root);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String toString() {
        return prettify();
    }
}
