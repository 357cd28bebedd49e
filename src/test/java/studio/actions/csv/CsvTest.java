package studio.actions.csv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import studio.actions.csv.Csv.Line;
import studio.actions.problem.ProblemException;

class CsvTest {

    // Formulas

    @ParameterizedTest
    @ValueSource(
            strings = { "=1+1", "+1", "-5", "@SUM(1)", "\tx", "\rx", "\n=1", "＝1", "＋1", "－1", "＠SUM(1)", " =1+1", "\u3000=1",
                    "'=1", "''=1", "=", "'-5" })
    void guardsFormulasAndAlreadyGuardedFormulas(String text) {
        assertThat(Csv.guard(text)).isEqualTo("'" + text);
        assertThat(Csv.unguard(Csv.guard(text))).isEqualTo(text);
    }

    @ParameterizedTest
    @ValueSource(
            strings = { "", "Sync", "a=b", "'tis", "'", "''", "' x", "1-1", "https://x/?a=1", "{\"a\":\"=1\"}", " ", "\"=1\"",
                    "'\"" })
    void leavesTextWithoutFormulaUnchanged(String text) {
        assertThat(Csv.guard(text)).isEqualTo(text);
        assertThat(Csv.unguard(text)).isEqualTo(text);
    }

    @Test
    void readsACellOfManyApostrophes() {
        String quotes = "'".repeat(1_000_000);

        assertThat(Csv.unguard(quotes)).isEqualTo(quotes);
        assertThat(Csv.unguard(quotes + "=1")).isEqualTo(quotes.substring(1) + "=1");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"',
            value = { "x,=1|x,'=1", "x; +1;-2|x; '+1;'-2", "a,b|a,b", "=1,=2|'=1,'=2", "a-b=c|a-b=c" })
    void guardsFormulasBehindOtherDelimiters(String text, String guarded) {
        assertThat(Csv.guardAll(text)).isEqualTo(guarded);
    }

    @Test
    void readsAtMostGivenNumberOfLines() {
        assertThat(Csv.read("a\n1\n2\n3\n".getBytes(StandardCharsets.UTF_8), 2)).hasSize(2);
    }

    @Test
    void writesAsKitsuDoes() throws IOException {
        StringBuilder out = new StringBuilder();

        Csv.printer(out, ';').printRecord(List.of("a \"b\"", "c;d\r\ne", "", "ü"));

        assertThat(out).hasToString("\"a \"\"b\"\"\";\"c;d\r\ne\";\"\";\"ü\"\n");
    }

    // Reading

    @ParameterizedTest
    @ValueSource(
            strings = { "a;b\n1;2\n", "a;b\r\n1;2\r\n", "a;b\r1;2\r", "a,b\n1,2", "\ufeffa;b\n1;2", "\"a\";\"b\"\n\"1\";\"2\"",
                    "\"a\",\"b\"\r\n\"1\",\"2\"" })
    void readsEveryDelimiterLineEndAndByteOrderMark(String file) {
        assertThat(read(file)).containsExactly(new Line(1, List.of("a", "b")), new Line(2, List.of("1", "2")));
    }

    @Test
    void ignoresQuotedDelimitersInHeader() {
        assertThat(read("\"a,b,c\";d\n1;2")).extracting(Line::cells).containsExactly(List.of("a,b,c", "d"), List.of("1", "2"));
    }

    @Test
    void countsLinesAsAnEditorDoes() {
        assertThat(read("\n\na;b\n\n\"1\n2\";3\n;\n4;5")).containsExactly(new Line(3, List.of("a", "b")),
                new Line(5, List.of("1\n2", "3")), new Line(8, List.of("4", "5")));
        assertThat(read("a;b\r\n\"1\r\n2\r\n\";3\r\n4;5\r\n")).extracting(Line::number).containsExactly(1, 2, 5);
        assertThat(read("a\r\"1\r2\"\r3")).extracting(Line::number).containsExactly(1, 2, 4);
    }

    @Test
    void keepsQuotedTextUnchanged() {
        assertThat(read("a\n\" x\r\ny \"\"z\"\"; \ud83d\ude80\t\"").get(1).cells())
                .containsExactly(" x\r\ny \"z\"; \ud83d\ude80\t");
    }

    @Test
    void readsNoLinesFromEmptyFile() {
        assertThat(read("")).isEmpty();
        assertThat(read("\ufeff")).isEmpty();
        assertThat(read("\r\n \n;;\n")).isEmpty();
        assertThat(read("\r")).isEmpty();
    }

    @Test
    void namesLineOfQuotingError() {
        refuses("a;b\n1;2\n\"3;4\n5;6\n", "Line 3 opens a quote that is never closed");
        refuses("a;b\n1;2\n3;\"4\"x\n", "Line 3 has text after a closing quote");
    }

    @Test
    void saysWhichByteIsNotUtf8() {
        refuses("a;b\r\n1;2\r\nété;3".getBytes(StandardCharsets.ISO_8859_1), "Line 3 holds the byte 0xE9, which is not UTF-8");
        refuses("a\r1\ré".getBytes(StandardCharsets.ISO_8859_1), "Line 3 holds the byte 0xE9");
        refuses("é".getBytes(StandardCharsets.ISO_8859_1), "Line 1 holds the byte 0xE9");
        refuses(new byte[] { 'a', '\n', (byte) 0xed, (byte) 0xa0, (byte) 0x80 }, "Line 2 holds the byte 0xED");
        refuses(new byte[] { 'a', (byte) 0xf0, (byte) 0x9f }, "Line 1 holds the byte 0xF0");
    }

    @ParameterizedTest
    @ValueSource(strings = { "UTF-16", "UTF-16LE", "UTF-16BE", "x-UTF-16LE-BOM", "UTF-32" })
    void recognizesUtf16(String charset) {
        refuses("Name;URL\nSync;https://x/\n".getBytes(Charset.forName(charset)), "The file is UTF-16");
    }

    @Test
    void keepsNulCharacters() {
        assertThat(read("a;b\nSync\0;https://api.studio.com").get(1).cells()).containsExactly("Sync\0",
                "https://api.studio.com");
    }

    private static List<Line> read(String file) {
        return Csv.read(file.getBytes(StandardCharsets.UTF_8), Integer.MAX_VALUE);
    }

    private static void refuses(String file, String why) {
        refuses(file.getBytes(StandardCharsets.UTF_8), why);
    }

    private static void refuses(byte[] file, String why) {
        assertThatThrownBy(() -> Csv.read(file, Integer.MAX_VALUE)).isInstanceOf(ProblemException.class)
                .hasMessageStartingWith(why);
    }
}
