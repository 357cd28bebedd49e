package studio.actions.log;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class PrintableTextTest {

    @Test
    void leavesTextAlone() {
        String text = "Größe\t日本 😀 e\u0301\n{\"ok\": true} \u00a0";
        assertThat(PrintableText.of(text)).isEqualTo(text);
    }

    @Test
    void showsEveryControlCharacterAsItsPicture() {
        for (char c = 0; c < 0x20; c++) {
            String shown = c == '\t' || c == '\n' ? String.valueOf(c) : String.valueOf((char) (0x2400 + c));
            assertThat(PrintableText.of("a" + c + "b")).isEqualTo("a" + shown + "b");
        }
        assertThat(PrintableText.of("\u007f")).isEqualTo("\u2421");
    }

    @Test
    void replacesControlCharactersThatHaveNoPicture() {
        for (char c = 0x80; c < 0xa0; c++) {
            assertThat(PrintableText.of("a" + c + "b")).isEqualTo("a\ufffdb");
        }
    }

    @ParameterizedTest
    @CsvSource({ "d83d", "de00", "d83d d83d", "de00 d83d" })
    void replacesUnpairedSurrogates(String units) {
        StringBuilder text = new StringBuilder();
        for (String unit : units.split(" ")) {
            text.append((char) Integer.parseInt(unit, 16));
        }

        assertThat(PrintableText.of("a" + text + "b")).isEqualTo("a" + "\ufffd".repeat(text.length()) + "b");
    }

    @Test
    void canBeStoredInADatabase() {
        byte[] every = new byte[256];
        for (int i = 0; i < every.length; i++) {
            every[i] = (byte) i;
        }

        String shown = PrintableText.of(every, null);

        assertThat(shown).doesNotContain("\0").startsWith("\u2400\u2401").contains("ABC").endsWith("\ufffd");
        assertThat(StandardCharsets.UTF_8.newEncoder().canEncode(shown)).isTrue();
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " -> ", textBlock = """
            text/plain; charset=ISO-8859-1          -> ISO-8859-1
            text/plain;charset=iso-8859-1           -> ISO-8859-1
            text/plain; charset="windows-1252"      -> windows-1252
            TEXT/PLAIN; CHARSET=Shift_JIS           -> Shift_JIS
            text/html; boundary=x; charset=utf-16le -> UTF-16LE
            application/json; charset=utf-8         -> UTF-8
            application/json                        -> UTF-8
            """)
    void readsTheCharsetOfTheMediaType(String mediaType, String charset) {
        String text = charset.equals("Shift_JIS") ? "日本" : "Größe";

        assertThat(PrintableText.of(text.getBytes(Charset.forName(charset)), mediaType)).isEqualTo(text);
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = { "", "text/plain; charset=klingon", "text/plain; charset=", "text/plain; charset=\"\"",
            "text/plain; charset=../x", "charset", ";;;" })
    void readsUtf8WhereNoCharsetIsKnown(String mediaType) {
        assertThat(PrintableText.of("Größe 😀".getBytes(StandardCharsets.UTF_8), mediaType)).isEqualTo("Größe 😀");
        assertThat(PrintableText.of(new byte[] { 'a', (byte) 0xff, 'b' }, mediaType)).isEqualTo("a\ufffdb");
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " -> ", textBlock = """
            abc    -> 3  -> abc
            abc    -> 4  -> abc
            abc    -> 2  -> ab
            abc    -> 0  -> ''
            ''     -> 0  -> ''
            aéb    -> 2  -> a
            aéb    -> 3  -> aé
            a日b   -> 3  -> a
            a日b   -> 4  -> a日
            a😀b   -> 4  -> a
            a😀b   -> 5  -> a😀
            a😀b   -> 6  -> a😀b
            """)
    void cutsBetweenCharacters(String text, int bytes, String kept) {
        assertThat(PrintableText.cut(text, bytes)).isEqualTo(kept);
    }

    @Test
    void cutsToTheRequestedNumberOfBytes() {
        String text = "aé日😀\u007f\u0080\u07ff\u0800\u08ff\uffff\ud800\udc00".repeat(1000);

        for (int bytes = 8100; bytes <= 8192; bytes++) {
            String kept = PrintableText.cut(text, bytes);
            assertThat(text).startsWith(kept);
            assertThat(kept.getBytes(StandardCharsets.UTF_8).length).isBetween(bytes - 3, bytes);
        }
    }
}
