package studio.actions.csv;

import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVPrinter;
import org.apache.commons.csv.CSVRecord;
import org.apache.commons.csv.QuoteMode;

import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/** Reads and writes CSV as spreadsheets and Kitsu write it: RFC 4180 in UTF-8, with {@code ;} or {@code ,}. Also reads TSV. */
public final class Csv {

    public static final String MEDIA_TYPE = "text/csv";
    public static final String TABS = "text/tab-separated-values";

    /**
     * The media type of old Excel workbooks, which are refused with a hint. If Excel is installed, browsers send CSV files
     * under this type, too.
     */
    public static final String EXCEL = "application/vnd.ms-excel";
    public static final String WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

    public static final char BOM = '\ufeff';

    /** Characters that begin a formula in a spreadsheet (OWASP, CSV Injection), including full-width forms. */
    private static final String FORMULA = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20";

    /** Characters that spreadsheets ignore before a formula: white space and characters without width. */
    private static final String IGNORED = "[\\s\\p{Z}\\p{Cf}]*";
    private static final Pattern COMPUTED = Pattern.compile(IGNORED + "[" + Pattern.quote(FORMULA) + "].*", Pattern.DOTALL);
    private static final Pattern INNER = Pattern.compile("([,;\t\r\n]" + IGNORED + ")(?=[" + Pattern.quote(FORMULA) + "])");

    /** A first line such as {@code sep=;}, with which Excel names the delimiter. */
    private static final Pattern SEPARATOR = Pattern.compile("\\A\"?sep=([;,\t])\"?[ ;,\t]*(?:\r\n|\n|\r|\\z)",
            Pattern.CASE_INSENSITIVE);

    private static final String DELIMITERS = ";,\t";

    private Csv() {
    }

    /**
     * One row of a table.
     *
     * @param number the number of the line in the file, from 1, on which the row begins; a row with line breaks in cells has
     *        several lines
     */
    public record Line(int number, List<String> cells) {

        boolean blank() {
            return cells.stream().allMatch(String::isBlank);
        }
    }

    /**
     * Returns a printer that writes CSV like Kitsu: every cell quoted, lines end in LF. Callers must {@link #guard} the cells.
     */
    public static CSVPrinter printer(Appendable out, char delimiter) {
        try {
            return new CSVPrinter(out, CSVFormat.DEFAULT.builder().setDelimiter(delimiter).setQuoteMode(QuoteMode.ALL)
                    .setRecordSeparator('\n').get());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns a cell that a spreadsheet shows as text and does not compute as a formula. {@link #unguard} reads it back. */
    public static String guard(String text) {
        return text == null ? "" : computed(text) || quoted(text) ? "'" + text : text;
    }

    /**
     * Returns a cell like {@link #guard}, and also guards the text after each delimiter inside the cell, where a spreadsheet
     * may begin a new cell. Use it for text from outside that only people read, since {@link #unguard} cannot restore the text.
     */
    public static String guardAll(String text) {
        return text == null ? "" : guard(INNER.matcher(text).replaceAll("$1'"));
    }

    /**
     * Returns the delimiter that a query parameter names.
     *
     * @throws ProblemException {@code invalid_parameter} unless it is {@code ;} or {@code ,}
     */
    public static char delimiter(String parameter) {
        if (!parameter.equals(";") && !parameter.equals(",")) {
            throw ProblemException.parameter("delimiter", "invalid_value", "'delimiter' must be ; or , (%3B or %2C in a URL).");
        }
        return parameter.charAt(0);
    }

    /** Returns the text of a guarded cell. Returns any other cell unchanged. */
    public static String unguard(String cell) {
        return quoted(cell) ? cell.substring(1) : cell;
    }

    private static boolean computed(String text) {
        return COMPUTED.matcher(text).matches();
    }

    private static boolean quoted(String text) {
        int quotes = 0;
        while (quotes < text.length() && text.charAt(quotes) == '\'') {
            quotes++;
        }
        return quotes > 0 && computed(text.substring(quotes));
    }

    /**
     * Reads the first rows of a file. Detects a byte order mark, line ends, and semicolon, comma or tab as delimiter.
     *
     * @param most the most rows to return
     * @return the rows that are not blank
     * @throws ProblemException {@code invalid_csv} if the file is not UTF-8, a quote is not closed, or a closing quote has text
     *         behind it
     */
    public static List<Line> read(byte[] file, int most) {
        String whole = text(file);
        Matcher separator = SEPARATOR.matcher(whole);
        boolean told = separator.find();
        String text = told ? whole.substring(separator.end()) : whole;
        char delimiter = told ? separator.group(1).charAt(0) : used(text);
        List<Line> lines = new ArrayList<>();
        int above = told ? 1 : 0;
        int begins = 1 + above;
        try (CSVParser parser = CSVParser.builder().setReader(new StringReader(text))
                .setFormat(CSVFormat.DEFAULT.builder().setDelimiter(delimiter).setIgnoreEmptyLines(false).get()).get()) {
            Iterator<CSVRecord> records = parser.iterator();
            while (lines.size() < most && records.hasNext()) {
                Line line = new Line(begins, records.next().toList());
                begins = (int) parser.getCurrentLineNumber() + 1 + above;
                if (!line.blank()) {
                    lines.add(line);
                }
            }
        } catch (IOException | UncheckedIOException e) {
            throw unreadable("Line " + begins + (String.valueOf(e.getMessage()).contains("EOF reached")
                    ? " opens a quote that is never closed. Inside quotes, a quote is written twice."
                    : " has text after a closing quote. Inside quotes, a quote is written twice."));
        }
        return lines;
    }

    /** Returns the delimiter that occurs most often in the first line, outside of quotes. */
    private static char used(String text) {
        boolean quoted = false;
        int[] counts = new int[DELIMITERS.length()];
        String header = text.stripLeading();
        for (int i = 0; i < header.length() && (quoted || "\r\n".indexOf(header.charAt(i)) < 0); i++) {
            char c = header.charAt(i);
            quoted ^= c == '"';
            int delimiter = quoted ? -1 : DELIMITERS.indexOf(c);
            if (delimiter >= 0) {
                counts[delimiter]++;
            }
        }
        int most = IntStream.range(1, counts.length).reduce(0, (a, b) -> counts[b] > counts[a] ? b : a);
        return DELIMITERS.charAt(most);
    }

    private static String text(byte[] file) {
        if (begins(file, 'P', 'K', 3, 4) || begins(file, 0xd0, 0xcf, 0x11, 0xe0)) {
            throw unreadable("This is an Excel workbook: save it as 'CSV UTF-8', and send that.");
        }
        if (utf16(file)) {
            throw unreadable("The file is UTF-16. Save it as UTF-8 (in Excel: 'CSV UTF-8').");
        }
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer bytes = ByteBuffer.wrap(file);
        CharBuffer text = CharBuffer.allocate(file.length);
        CoderResult end = decoder.decode(bytes, text, true);
        if (end.isError()) {
            throw unreadable(
                    "Line %d holds the byte 0x%02X, which is not UTF-8. Save the file as UTF-8 (in Excel: 'CSV UTF-8')."
                            .formatted(lines(file, bytes.position()), file[bytes.position()]));
        }
        text.flip();
        int last = text.length();
        // Drops empty lines at the end: some files have very many.
        while (last > 0 && "\r\n".indexOf(text.charAt(last - 1)) >= 0) {
            last--;
        }
        return text.subSequence(last > 0 && text.charAt(0) == BOM ? 1 : 0, last).toString();
    }

    private static boolean begins(byte[] file, int... bytes) {
        return file.length >= bytes.length && IntStream.range(0, bytes.length).allMatch(i -> file[i] == (byte) bytes[i]);
    }

    /** Detects UTF-16 by its byte order mark, or because at least a third of the first 1000 bytes is zero. */
    private static boolean utf16(byte[] file) {
        if (file.length >= 2 && (file[0] == (byte) 0xff && file[1] == (byte) 0xfe
                || file[0] == (byte) 0xfe && file[1] == (byte) 0xff)) {
            return true;
        }
        int seen = Math.min(file.length, 1000);
        long zeros = IntStream.range(0, seen).filter(i -> file[i] == 0).count();
        return seen >= 4 && zeros >= seen / 3;
    }

    /** Returns the number of the line that holds the byte at a position. Line ends are CR LF, LF or CR. */
    private static long lines(byte[] file, int position) {
        return 1 + IntStream.range(0, position)
                .filter(i -> file[i] == '\n' || file[i] == '\r' && file[i + 1] != '\n').count();
    }

    private static ProblemException unreadable(String why) {
        return new ProblemException(Code.INVALID_CSV, why);
    }
}
