package studio.actions.egress;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** What a receiver answered, as text that a person, a terminal and a database can take. */
public final class PrintableText {

    private PrintableText() {
    }

    /** Decoded by the charset of the media type, else UTF-8; what does not decode becomes U+FFFD. */
    static String of(byte[] bytes, String mediaType) {
        return of(new String(bytes, charset(mediaType)));
    }

    /** Control characters as their pictures (U+2400), but for tab and line feed; lone surrogates as U+FFFD. */
    static String of(String text) {
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

    /** The beginning that fits into so many bytes of UTF-8; never half a character. */
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
