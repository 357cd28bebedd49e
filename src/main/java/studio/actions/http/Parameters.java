package studio.actions.http;

import java.lang.annotation.Annotation;
import java.lang.reflect.Type;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Arrays;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import java.util.regex.Pattern;

import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.ext.ParamConverter;
import jakarta.ws.rs.ext.ParamConverterProvider;
import jakarta.ws.rs.ext.Provider;

import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.problem.StrictJson;

/** Converters that refuse malformed path and query parameters with 400. JAX-RS would answer 404, as for a missing path. */
@Provider
public class Parameters implements ParamConverterProvider {

    /** An integer as in JSON. Java's parser also accepts a plus sign, leading zeros and the digits of all scripts. */
    private static final Pattern WHOLE = Pattern.compile("-?(0|[1-9][0-9]*)");

    private static final Map<Class<?>, Function<String, Object>> READERS = Map.of(
            UUID.class, StrictJson::id,
            Instant.class, Parameters::instant,
            Integer.class, Parameters::integer,
            int.class, Parameters::integer,
            Boolean.class, Parameters::bool,
            boolean.class, Parameters::bool);

    @Override
    public <T> ParamConverter<T> getConverter(Class<T> type, Type generic, Annotation[] annotations) {
        Function<String, Object> reader = type.isEnum() ? text -> constant(type, text) : READERS.get(type);
        return reader == null ? null : new Converter<>(type, name(annotations), reader);
    }

    private record Converter<T>(Class<T> type, String name, Function<String, Object> reader) implements ParamConverter<T> {

        @Override
        @SuppressWarnings("unchecked")
        public T fromString(String text) {
            if (text == null) {
                return null;
            }
            Object value = reader.apply(text);
            if (value == null) {
                String sentence = "'" + name + "' must be " + StrictJson.describe(type) + "."
                        + (type == Instant.class && text.indexOf(' ') >= 0
                                ? " In a query, + means a space: write %2B instead."
                                : "");
                throw type == UUID.class ? new ProblemException(Code.MALFORMED_ID, sentence)
                        : ProblemException.parameter(name, "invalid_value", sentence);
            }
            return (T) value;
        }

        @Override
        public String toString(T value) {
            return value.toString();
        }
    }

    private static Object constant(Class<?> type, String text) {
        return Arrays.stream(type.getEnumConstants()).filter(constant -> constant.toString().equals(text)).findFirst()
                .orElse(null);
    }

    private static Object bool(String text) {
        return text.equals("true") ? Boolean.TRUE : text.equals("false") ? Boolean.FALSE : null;
    }

    private static Object integer(String text) {
        try {
            return WHOLE.matcher(text).matches() ? Integer.valueOf(text) : null;
        } catch (NumberFormatException e) {
            return null;
        }
    }

    private static Object instant(String text) {
        try {
            return StrictJson.instant(text);
        } catch (DateTimeParseException e) {
            return null;
        }
    }

    private static String name(Annotation[] annotations) {
        for (Annotation annotation : annotations) {
            if (annotation instanceof QueryParam query) {
                return query.value();
            }
            if (annotation instanceof PathParam path) {
                return path.value();
            }
        }
        return "parameter";
    }
}
