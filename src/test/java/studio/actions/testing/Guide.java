package studio.actions.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The part of a guide that is made from the code. It stands between two comments. */
public final class Guide {

    private static final Pattern MADE = Pattern.compile("(?s)(?<=<!-- Made from the code[^>]{0,200}-->\n).*(?=<!-- End -->\n)");

    private Guide() {
    }

    /** Compares the part with the code. With {@code -Ddocs.write=true}, writes the part instead. */
    public static void check(Path guide, String made) throws IOException {
        String text = Files.readString(guide);
        Matcher part = MADE.matcher(text);
        assertThat(part.find()).as("the comments around the part of %s that is made from the code", guide).isTrue();
        String expected = "\n" + made.strip() + "\n\n";
        if (Boolean.getBoolean("docs.write")) {
            Files.writeString(guide, text.substring(0, part.start()) + expected + text.substring(part.end()));
        } else {
            assertThat(part.group()).as("Run this test with -Ddocs.write=true, or write into %s:%n%s", guide, made)
                    .isEqualTo(expected);
        }
    }
}
