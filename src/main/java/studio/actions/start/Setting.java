package studio.actions.start;

import java.io.IOException;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.AnnotatedParameterizedType;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;

import org.hibernate.validator.constraints.time.DurationMax;
import org.hibernate.validator.constraints.time.DurationMin;

import io.quarkus.runtime.configuration.DurationConverter;
import io.quarkus.runtime.configuration.MemorySizeConverter;
import io.smallrye.config.WithDefault;
import studio.actions.address.AddressPolicy;
import studio.actions.draft.ActionRules;
import studio.actions.egress.Trust;
import studio.actions.identity.LocalIdentity;
import studio.actions.secret.Secrets;
import studio.actions.settings.SizeBounds;
import studio.actions.settings.Unit;

/**
 * The rule for the value of a setting.
 *
 * @param allowed describes the allowed values; stands at the end of an error message
 * @param check returns null for an allowed value, else a sentence that says what is wrong
 */
record Setting(String allowed, UnaryOperator<String> check) {

    static Setting text(String allowed) {
        return new Setting(allowed, value -> null);
    }

    static Setting token(String allowed) {
        return new Setting(allowed, value -> {
            String token = LocalIdentity.unspaced(value);
            return token.length() < LocalIdentity.SHORTEST_TOKEN ? "It has " + token.length() + " characters."
                    : token.chars().allMatch(c -> c > 0x20 && c < 0x7f) ? null
                            : "It holds characters that no header may hold.";
        });
    }

    /** Returns the rule of a boolean, a number, a duration or a size. */
    static Setting bounded(Method key) {
        if (key.getReturnType() == boolean.class) {
            return new Setting("true or false", value -> List.of("true", "false").contains(value.strip()) ? null
                    : "It is neither.");
        }
        AnnotatedElement value = key.getAnnotatedReturnType() instanceof AnnotatedParameterizedType map
                ? map.getAnnotatedActualTypeArguments()[1]
                : key;
        if (value.isAnnotationPresent(Min.class)) {
            return number(value.getAnnotation(Min.class).value(), value.getAnnotation(Max.class).value(),
                    key.getAnnotation(Unit.class).value());
        }
        String example = key.getAnnotation(WithDefault.class).value();
        if (key.isAnnotationPresent(DurationMin.class)) {
            return duration(shortest(key.getAnnotation(DurationMin.class)), longest(key.getAnnotation(DurationMax.class)),
                    example);
        }
        SizeBounds bounds = key.getAnnotation(SizeBounds.class);
        return size(bounds.min(), bounds.max(), example);
    }

    private static Duration shortest(DurationMin bound) {
        return Duration.ofDays(bound.days()).plusHours(bound.hours()).plusMinutes(bound.minutes())
                .plusSeconds(bound.seconds()).plusMillis(bound.millis()).plusNanos(bound.nanos());
    }

    private static Duration longest(DurationMax bound) {
        return Duration.ofDays(bound.days()).plusHours(bound.hours()).plusMinutes(bound.minutes())
                .plusSeconds(bound.seconds()).plusMillis(bound.millis()).plusNanos(bound.nanos());
    }

    private static Setting duration(Duration from, Duration to, String example) {
        return new Setting("a duration from " + written(from) + " to " + written(to) + ", such as " + example, value -> {
            try {
                Duration duration = DurationConverter.parseDuration(value);
                return duration.compareTo(from) < 0 || duration.compareTo(to) > 0 ? "It is out of these bounds." : null;
            } catch (IllegalArgumentException e) {
                return "It is not a duration.";
            }
        });
    }

    /** Returns a duration as it is written in a setting, such as 90s: in the largest unit that needs no fraction. */
    private static String written(Duration duration) {
        long millis = duration.toMillis();
        return millis % 1000 != 0 ? millis + "ms"
                : millis % 60_000 != 0 || millis == 0 ? duration.toSeconds() + "s"
                        : millis % 3_600_000 != 0 ? duration.toMinutes() + "m"
                                : millis % 86_400_000 != 0 ? duration.toHours() + "h" : duration.toDays() + "d";
    }

    private static Setting size(String from, String to, String example) {
        return new Setting("a size from " + from + " to " + to + ", such as " + example, value -> {
            try {
                return bytes(value) < bytes(from) || bytes(value) > bytes(to) ? "It is out of these bounds." : null;
            } catch (IllegalArgumentException e) {
                return "It is not a size.";
            }
        });
    }

    private static Setting number(long from, long to, String unit) {
        return new Setting("a whole number from " + from + " to " + to + ": " + unit, value -> {
            try {
                int number = Integer.parseInt(value.strip());
                return number < from || number > to ? "It is out of these bounds." : null;
            } catch (NumberFormatException e) {
                return "It is not a whole number.";
            }
        });
    }

    static Setting webAddress(String allowed) {
        return new Setting(allowed, value -> {
            try {
                URI uri = new URI(value);
                boolean fine = List.of("http", "https").contains(String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT))
                        && uri.getHost() != null && uri.getRawUserInfo() == null && uri.getRawQuery() == null
                        && uri.getRawFragment() == null;
                return fine ? null
                        : String.valueOf(uri.getRawAuthority()).indexOf('_') >= 0
                                ? "A host with '_' cannot be used here: give it another name, or write its address."
                                : "It must be http:// or https:// and a host.";
            } catch (URISyntaxException e) {
                return "It is not a URL.";
            }
        });
    }

    static Setting site(String allowed) {
        Setting address = webAddress(allowed);
        return new Setting(allowed, value -> {
            String wrong = address.check().apply(value);
            return wrong != null ? wrong
                    : List.of("", "/").contains(URI.create(value).getRawPath()) ? null
                            : "Kitsu's paths begin at the root of its host: leave the path out.";
        });
    }

    static Setting authorities(String allowed) {
        return new Setting(allowed, value -> {
            try {
                Trust.read(Path.of(value));
                return null;
            } catch (IOException | InvalidPathException e) {
                return "The file does not exist or cannot be read.";
            } catch (CertificateException e) {
                return "It is not a PEM file with certificates: " + e.getMessage() + ".";
            }
        });
    }

    static Setting allowList(String allowed) {
        return new Setting(allowed, value -> {
            try {
                return AddressPolicy.of(Arrays.stream(value.split(",")).map(String::strip).filter(entry -> !entry.isEmpty())
                        .toList()).idleEntry().orElse(null);
            } catch (IllegalArgumentException e) {
                return value.contains("@") ? "An entry must not contain user info (…@)." : e.getMessage();
            }
        });
    }

    static Setting schemes(String allowed) {
        return new Setting(allowed, value -> {
            for (String scheme : value.split(",")) {
                String name = scheme.strip().toLowerCase(Locale.ROOT);
                if (!name.matches("[a-z][a-z0-9+.-]*")) {
                    return "'" + name + "' is not a scheme.";
                }
                if (ActionRules.NEVER.contains(name)) {
                    return "No action may open " + name + ": URLs.";
                }
            }
            return null;
        });
    }

    static Setting signing() {
        return new Setting("whsec_ and the base64 of 24 to 64 random bytes, e.g. from: echo whsec_$(openssl rand -base64 32)",
                value -> Secrets.faultOfSigning(value).orElse(null));
    }

    private static long bytes(String size) {
        return new MemorySizeConverter().convert(size).asLongValue();
    }
}
