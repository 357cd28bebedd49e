package studio.actions.log;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** Text from outside, such as a receiver's answer, made safe to show in a page or a terminal and to store in PostgreSQL. */
public final class PrintableText {

    private PrintableText() {
    }

    /** Decodes bytes by the charset in a media type, else as UTF-8, and makes the text safe. Invalid bytes become U+FFFD. */
    public static String of(byte[] bytes, String mediaType) {
        return of(new String(bytes, charset(mediaType)));
    }

    /**
     * Replaces ASCII control characters, except tab and line feed, by Unicode's visible symbols for them, such as U+2400 for
     * NUL. Replaces other control characters and lone surrogates by U+FFFD.
     */
    public static String of(String text) {
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints().forEach(c -> {
            if (c < 0x20 && c != '\t' && c != '\n') {
                out.appendCodePoint(0x2400 + c);
            } else if (c == 0x7f) {
                out.append('␡');
            } else if (Character.isISOControl(c) && c != '\t' && c != '\n' || c >= 0xd800 && c <= 0xdfff) {
                out.append('�');
            } else {
                out.appendCodePoint(c);
            }
        });
        return out.toString();
    }

    /** Returns the longest beginning of a text that has at most this many bytes in UTF-8; cuts only between characters. */
    public static String cut(String text, long bytes) {
        int used = 0;
        for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
            int c = text.codePointAt(i);
            used += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
            if (used > bytes) {
                return text.substring(0, i);
            }
        }
        return text;
    }

    private static Charset charset(String mediaType) {
        if (mediaType == null) {
            return StandardCharsets.UTF_8;
        }
        for (String parameter : mediaType.toLowerCase(Locale.ROOT).split(";")) {
            if (parameter.strip().startsWith("charset=")) {
                try {
                    return Charset.forName(parameter.strip().substring("charset=".length()).replace("\"", "").strip());
                } catch (IllegalArgumentException e) {
                    return StandardCharsets.UTF_8;
                }
            }
        }
        return StandardCharsets.UTF_8;
    }
}
