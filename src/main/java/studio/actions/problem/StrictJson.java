package studio.actions.problem;

import java.io.IOException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.util.Arrays;
import java.util.Collection;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;

import jakarta.inject.Singleton;

import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.BeanDescription;
import com.fasterxml.jackson.databind.DeserializationConfig;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.KeyDeserializer;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.deser.BeanDeserializerModifier;
import com.fasterxml.jackson.databind.deser.std.DelegatingDeserializer;
import com.fasterxml.jackson.databind.deser.std.StdScalarDeserializer;
import com.fasterxml.jackson.databind.module.SimpleModule;

import io.quarkus.jackson.ObjectMapperCustomizer;

/**
 * The strict configuration of Jackson. Refuses unknown and repeated fields, text instead of a number, null as an element of a
 * list or map, and text that PostgreSQL or a URL cannot hold.
 */
@Singleton
public class StrictJson implements ObjectMapperCustomizer {

    private static final int UUID_LENGTH = 36;

    /** Thrown for text with a NUL or half a surrogate pair. */
    static final class BadText extends IOException {

        private static final long serialVersionUID = 1L;

        BadText(String message) {
            super(message);
        }
    }

    @Override
    public void customize(ObjectMapper mapper) {
        mapper.enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
        mapper.enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
        mapper.enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES);
        mapper.enable(DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS);
        mapper.disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT);
        mapper.getFactory().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);
        mapper.getFactory().configure(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION.mappedFeature(), false);
        mapper.setConfig(mapper.getDeserializationConfig().without(MapperFeature.ALLOW_COERCION_OF_SCALARS));
        mapper.coercionConfigDefaults().setCoercion(CoercionInputShape.EmptyString, CoercionAction.Fail);
        mapper.setDefaultSetterInfo(JsonSetter.Value.forContentNulls(Nulls.FAIL));
        SimpleModule module = new SimpleModule();
        module.addDeserializer(String.class, new Text());
        module.addDeserializer(UUID.class, new Id());
        module.addDeserializer(Integer.class, new Whole());
        module.addDeserializer(int.class, new Whole());
        module.setDeserializerModifier(new BeanDeserializerModifier() {

            private static final long serialVersionUID = 1L;

            @Override
            public JsonDeserializer<?> modifyEnumDeserializer(DeserializationConfig config, JavaType type,
                    BeanDescription description, JsonDeserializer<?> reader) {
                return new Constant(reader);
            }
        });
        module.addKeyDeserializer(String.class, new Key());
        mapper.registerModule(module);
    }

    /** A deserializer of enums that refuses a constant with blanks around it. Jackson's own deserializer removes them. */
    private static final class Constant extends DelegatingDeserializer {

        private static final long serialVersionUID = 1L;

        Constant(JsonDeserializer<?> reader) {
            super(reader);
        }

        @Override
        protected JsonDeserializer<?> newDelegatingInstance(JsonDeserializer<?> reader) {
            return new Constant(reader);
        }

        @Override
        public Object deserialize(JsonParser parser, DeserializationContext context) throws IOException {
            if (parser.hasToken(JsonToken.VALUE_STRING) && !parser.getText().equals(parser.getText().trim())) {
                return context.handleWeirdStringValue(handledType(), parser.getText(), "not one of them");
            }
            return super.deserialize(parser, context);
        }
    }

    /** Parses a UUID of 36 characters; returns null for other text. Java's own parser also accepts {@code 1-1-1-1-1}. */
    public static UUID id(String text) {
        try {
            UUID id = text != null && text.length() == UUID_LENGTH ? UUID.fromString(text) : null;
            return id != null && id.toString().equalsIgnoreCase(text) ? id : null;
        } catch (IllegalArgumentException none) {
            return null;
        }
    }

    /**
     * Parses a time that PostgreSQL can hold.
     *
     * @throws DateTimeParseException if the text is malformed or its year is not from 0 to 9999
     */
    public static Instant instant(String text) {
        Instant time = Instant.parse(text);
        int year = time.atOffset(ZoneOffset.UTC).getYear();
        if (year < 0 || year > 9999) {
            throw new DateTimeParseException("The year must be from 0 to 9999.", text, 0);
        }
        return time;
    }

    /** Describes the valid values of a type, for an error message such as "'id' must be a UUID". */
    public static String describe(Class<?> type) {
        if (type == null) {
            return "of another type";
        }
        if (type.isEnum()) {
            return "one of " + Arrays.stream(type.getEnumConstants()).map(String::valueOf).collect(Collectors.joining(", "));
        }
        if (type == UUID.class) {
            return "a UUID, such as 63f8a332-e209-4f8c-b384-747d5eda4b57";
        }
        if (type == Boolean.class || type == boolean.class) {
            return "true or false";
        }
        if (type == Integer.class || type == int.class || type == Long.class) {
            return "a whole number";
        }
        if (type == Instant.class) {
            return "a time, such as 2026-11-23T18:00:00Z";
        }
        if (type == String.class) {
            return "text";
        }
        return Collection.class.isAssignableFrom(type) ? "a list without nulls"
                : Map.class.isAssignableFrom(type) ? "an object whose values are text" : "an object";
    }

    private static String checked(String text) throws BadText {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == 0) {
                throw new BadText("Text may not contain NUL (\\u0000).");
            }
            if (Character.isSurrogate(c)) {
                if (!Character.isHighSurrogate(c) || i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1))) {
                    throw new BadText("Text may not contain half of a surrogate pair.");
                }
                i++;
            }
        }
        return text;
    }

    private static final class Text extends StdScalarDeserializer<String> {

        private static final long serialVersionUID = 1L;

        Text() {
            super(String.class);
        }

        @Override
        public String deserialize(JsonParser parser, DeserializationContext context) throws IOException {
            if (!parser.hasToken(JsonToken.VALUE_STRING)) {
                return (String) context.handleUnexpectedToken(String.class, parser);
            }
            try {
                return checked(parser.getText());
            } catch (BadText bad) {
                throw JsonMappingException.from(parser, bad.getMessage(), bad);
            }
        }
    }

    /**
     * A deserializer of integers that also accepts {@code 1000.0} and {@code 1e3}, which are integers in JSON Schema 2020-12
     * (validation 6.1.1, core 4.2.3).
     */
    private static final class Whole extends StdScalarDeserializer<Integer> {

        private static final long serialVersionUID = 1L;

        Whole() {
            super(Integer.class);
        }

        @Override
        public Integer deserialize(JsonParser parser, DeserializationContext context) throws IOException {
            if (!parser.currentToken().isNumeric()) {
                return (Integer) context.handleUnexpectedToken(Integer.class, parser);
            }
            try {
                return parser.getDecimalValue().intValueExact();
            } catch (ArithmeticException e) {
                return (Integer) context.handleWeirdNumberValue(Integer.class, parser.getNumberValue(),
                        "no whole number that fits");
            }
        }

        @Override
        public Integer getNullValue(DeserializationContext context) {
            return null;
        }
    }

    private static final class Id extends StdScalarDeserializer<UUID> {

        private static final long serialVersionUID = 1L;

        Id() {
            super(UUID.class);
        }

        @Override
        public UUID deserialize(JsonParser parser, DeserializationContext context) throws IOException {
            if (!parser.hasToken(JsonToken.VALUE_STRING)) {
                return (UUID) context.handleUnexpectedToken(UUID.class, parser);
            }
            UUID id = id(parser.getText());
            return id != null ? id : (UUID) context.handleWeirdStringValue(UUID.class, parser.getText(), "no UUID");
        }
    }

    private static final class Key extends KeyDeserializer {

        @Override
        public Object deserializeKey(String key, DeserializationContext context) throws IOException {
            try {
                return checked(key);
            } catch (BadText bad) {
                throw JsonMappingException.from(context, bad.getMessage(), bad);
            }
        }
    }
}
