package studio.actions.transfer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import jakarta.inject.Singleton;

import org.apache.commons.csv.CSVPrinter;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;

import studio.actions.action.Action;
import studio.actions.csv.Csv;
import studio.actions.draft.Draft;
import studio.actions.draft.EntityType;
import studio.actions.draft.Method;
import studio.actions.identity.Role;
import studio.actions.problem.StrictJson;
import studio.actions.template.TriggerLink;
import studio.actions.transfer.ImportReport.Wrong;

/** Reads and writes actions as CSV lines. The first five columns are the same as in Kitsu's export; Kitsu lacks the others. */
@Singleton
class ActionCsv {

    /** Cell texts that mean true, in lower case. Includes Excel's words for true in all of Kitsu's languages. */
    private static final Set<String> TRUE = Set.of("true", "yes", "1", "vrai", "oui", "wahr", "ja", "verdadero", "sí",
            "verdadeiro", "sim", "vero", "sì", "waar", "sand", "sant", "sann", "prawda", "tak", "истина", "да", "істина", "так",
            "pravda", "ano", "igaz", "igen", "tosi", "kyllä", "doğru", "evet", "adevărat", "da", "αληθησ", "真", "はい", "참");
    private static final Set<String> FALSE = Set.of("false", "no", "0", "faux", "non", "falsch", "nein", "falso", "não",
            "onwaar",
            "nee", "falsk", "nej", "falskt", "usann", "nei", "fałsz", "nie", "ложь", "нет", "хибність", "ні", "nepravda", "ne",
            "hamis", "nem", "epätosi", "ei", "yanlış", "yanliş", "hayır", "hayir", "fals", "nu", "ψευδησ", "偽", "假", "いいえ",
            "거짓");

    private static final String TYPE = "CustomAction";

    private static final int MOST_COLUMNS = 100;

    /** The most characters of a cell that an error message quotes. */
    private static final int SHOWN = 40;

    enum Column {
        TYPE("Type", "type", null),
        NAME("Name", "name", "name"),
        URL("URL", "url", "url"),
        ENTITY_TYPE("Entity Type", "entity_type", "entityType"),
        USE_AJAX("Use AJAX", "is_ajax", "isAjax"),
        DESCRIPTION("Description", "description", "description"),
        ENABLED("Enabled", "enabled", "enabled"),
        METHOD("Method", "method", "method"),
        HEADERS("Headers", "headers", "headers"),
        TIMEOUT("Timeout (ms)", "timeout_ms", "timeoutMs"),
        ATTEMPTS("Attempts", "max_attempts", "maxAttempts"),
        PER_MINUTE("Per Minute", "rate_per_minute", "ratePerMinute"),
        SIGNING_SECRET("Signing Secret", "signing_secret", "signingSecret"),
        ROLES("Roles", "roles", "roles"),
        PROJECTS("Projects", "project_ids", "projectIds"),
        ID("ID", "id", "id");

        static final List<Column> ALL = List.of(values());
        /** The columns of Kitsu's own CSV export. */
        static final List<Column> KITSU = ALL.subList(0, 5);

        final String title;
        private final String field;
        private final String stored;

        /**
         * @param stored the field of {@link Action} with the column's value; null for the column Type, whose cells are all
         *        equal
         */
        Column(String title, String field, String stored) {
            this.title = title;
            this.field = field;
            this.stored = stored;
        }

        /** Returns the column with this title, ignoring case and white space around it; null if there is none. */
        static Column called(String title) {
            String stripped = Csv.unguard(title).strip();
            return ALL.stream().filter(column -> column.title.equalsIgnoreCase(stripped)).findFirst().orElse(null);
        }

        /** Returns the column for a JSON pointer into a draft, such as {@code /headers/X-Queue} for the column Headers. */
        static Column of(String pointer) {
            return ALL.stream().filter(column -> pointer.split("/")[1].equals(column.field)).findFirst().orElseThrow();
        }
    }

    /**
     * One row of an imported file. It takes several lines of text if a cell has line breaks.
     *
     * @param line the number of the row's first line of text in the file
     * @param id the action's id; null if the row has no valid id
     * @param link the trigger link in the URL cell, as in Kitsu's export; null if the URL is no trigger link
     * @param given the values of the cells; null for each cell that is missing, empty or invalid
     * @param columns the columns of the file
     * @param wrong the columns whose cell is invalid
     */
    record Row(int line, UUID id, TriggerLink link, Draft given, Set<Column> columns, Set<Column> wrong) {

        Wrong wrong(Column column, String message) {
            return new Wrong(line, column.title, message);
        }

        boolean wrong(Column column) {
            return wrong.contains(column);
        }

        /** Returns true if the row has a valid name and no invalid entity type. */
        boolean named() {
            return given.name() != null && !wrong(Column.NAME) && !wrong(Column.ENTITY_TYPE);
        }

        /**
         * Returns true if an error in the column need not be reported, because its cell has an error already, or because a
         * wrong Use AJAX cell may have caused the URL's error.
         */
        boolean follows(Column column) {
            return wrong(column) || column == Column.URL && wrong(Column.USE_AJAX);
        }

        /**
         * Returns a draft with this row's values. A column that the file lacks keeps the value of {@code before}, if that is
         * not null.
         */
        Draft over(Draft before) {
            return new Draft(or(Column.NAME, Draft::name, before), or(Column.URL, Draft::url, before),
                    or(Column.ENTITY_TYPE, Draft::entityType, before), or(Column.USE_AJAX, Draft::isAjax, before),
                    or(Column.DESCRIPTION, Draft::description, before), or(Column.ENABLED, Draft::enabled, before),
                    or(Column.METHOD, Draft::method, before), or(Column.HEADERS, Draft::headers, before),
                    or(Column.TIMEOUT, Draft::timeoutMs, before), or(Column.ATTEMPTS, Draft::maxAttempts, before),
                    or(Column.PER_MINUTE, Draft::ratePerMinute, before),
                    or(Column.SIGNING_SECRET, Draft::signingSecret, before),
                    or(Column.ROLES, Draft::roles, before), or(Column.PROJECTS, Draft::projectIds, before));
        }

        /** Returns the id of the action that the URL links to; null if the URL is no trigger link. */
        UUID linked() {
            return link == null ? null : link.action();
        }

        /** Returns true if the row seems to come from Kitsu's own export, and its URL is a trigger link to this service. */
        boolean isOfKitsu() {
            return link != null && columns.containsAll(Column.KITSU.subList(1, 5));
        }

        private <T> T or(Column column, Function<Draft, T> field, Draft before) {
            return field.apply(columns.contains(column) || before == null ? given : before);
        }
    }

    private final ObjectMapper json;

    ActionCsv(ObjectMapper json) {
        this.json = json;
    }

    /**
     * A stored action as a line of an export.
     *
     * @param cells the values of the columns
     */
    record Line(String name, EntityType entityType, UUID id, List<Object> cells) {

        /**
         * The order of the lines of an export. It is the same for all databases and machines, because it does not depend on a
         * collation.
         */
        static final Comparator<Line> ORDER = Comparator.comparing(Line::name, String.CASE_INSENSITIVE_ORDER)
                .thenComparing(Line::name).thenComparing(line -> line.entityType.name())
                .thenComparing(line -> line.id.toString());

        /** Returns the names of the fields of {@link Action} that {@link #of} needs for these columns. */
        static List<String> fields(List<Column> columns) {
            return Stream.concat(Stream.of("name", "entityType", "id"),
                    columns.stream().map(column -> column.stored).filter(Objects::nonNull)).toList();
        }

        /** Returns the line of an action, given the values of its {@link #fields}. */
        static Line of(Object[] fields, List<Column> columns) {
            Iterator<Object> values = Arrays.asList(fields).listIterator(3);
            List<Object> cells = new ArrayList<>();
            columns.forEach(column -> cells.add(column.stored == null ? ActionCsv.TYPE : values.next()));
            return new Line((String) fields[0], (EntityType) fields[1], (UUID) fields[2], cells);
        }
    }

    /** Writes the titles of the columns and the lines. */
    void write(List<Line> lines, List<Column> columns, char delimiter, Appendable out) throws IOException {
        CSVPrinter table = Csv.printer(out, delimiter);
        table.printRecord(columns.stream().map(column -> column.title));
        for (Line line : lines) {
            table.printRecord(line.cells.stream().map(cell -> Csv.guard(text(cell))));
        }
    }

    private String text(Object value) {
        try {
            return value instanceof Map<?, ?> headers
                    ? headers.isEmpty() ? null : json.writeValueAsString(new TreeMap<>(headers))
                    : value instanceof List<?> several
                            ? several.stream().map(Object::toString).collect(Collectors.joining(","))
                            : value == null ? null : value.toString();
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Reads the titles of the columns in the first line.
     *
     * @param errors gets an error for each title that is unknown, repeated or missing
     * @return the columns in the file's order, with null for an unknown title; empty if there are too many columns
     */
    static List<Column> header(List<Csv.Line> lines, List<Wrong> errors) {
        Csv.Line header = lines.get(0);
        int size = titles(lines).size();
        if (size > MOST_COLUMNS) {
            errors.add(new Wrong(header.number(), null, "The file has %,d columns, but only %d are known."
                    .formatted(size, Column.ALL.size())));
            return List.of();
        }
        if (translated(lines)) {
            return Column.KITSU;
        }
        Set<Column> seen = EnumSet.noneOf(Column.class);
        List<Column> columns = titles(lines).stream().map(title -> {
            Column column = Column.called(title);
            if (column == null) {
                errors.add(new Wrong(header.number(), shown(title), "Unknown column \"" + shown(title) + "\". Known columns: "
                        + Column.ALL.stream().map(one -> one.title).collect(Collectors.joining(", ")) + "."));
            } else if (!seen.add(column)) {
                errors.add(new Wrong(header.number(), column.title, "The column " + column.title + " is given twice."));
            }
            return column;
        }).toList();
        Stream.of(Column.NAME, Column.URL).filter(column -> !seen.contains(column)).forEach(column -> errors
                .add(new Wrong(header.number(), column.title, "The column " + column.title + " is missing.")));
        return columns;
    }

    /** Returns the titles of the columns, without the empty columns that spreadsheets leave at the end. */
    private static List<String> titles(List<Csv.Line> lines) {
        List<String> titles = lines.get(0).cells();
        int used = lines.stream().mapToInt(line -> used(line.cells())).max().orElse(0);
        return titles.subList(0, Math.min(titles.size(), used));
    }

    private static int used(List<String> cells) {
        int end = cells.size();
        while (end > 0 && cells.get(end - 1).isBlank()) {
            end--;
        }
        return end;
    }

    /**
     * Returns true if the file may be Kitsu's own export with titles in another language. Such a file has exactly Kitsu's five
     * columns, and the first cell of each line below the titles is {@code CustomAction}.
     */
    private static boolean translated(List<Csv.Line> lines) {
        List<String> titles = titles(lines);
        return lines.size() > 1 && titles.size() == Column.KITSU.size()
                && IntStream.range(0, titles.size()).allMatch(i -> Column.called(titles.get(i)) == null
                        || Column.called(titles.get(i)) == Column.KITSU.get(i))
                && lines.stream().skip(1).allMatch(line -> line.cells().get(0).equals(TYPE));
    }

    /**
     * Reads one line of an imported file. Adds an error for each invalid cell, and treats the cell as empty. If the number of
     * cells is wrong, adds one error and returns null.
     */
    Row read(Csv.Line line, List<Column> columns, List<Wrong> errors) {
        if (line.cells().size() < columns.size() || used(line.cells()) > columns.size()) {
            errors.add(new Wrong(line.number(), null, "This line has " + line.cells().size() + " cells, and the header has "
                    + columns.size() + "."));
            return null;
        }
        Map<Column, String> cells = new EnumMap<>(Column.class);
        Set<Column> wrong = EnumSet.noneOf(Column.class);
        for (int i = 0; i < columns.size(); i++) {
            String cell = line.cells().get(i);
            if (cell.indexOf(0) >= 0) {
                errors.add(new Wrong(line.number(), columns.get(i).title, "A cell may not contain NUL."));
                wrong.add(columns.get(i));
            } else if (!cell.isBlank()) {
                cells.put(columns.get(i), Csv.unguard(cell));
            }
        }
        Cells read = new Cells(line.number(), cells, wrong, errors);
        read.value(Column.TYPE, ActionCsv::type);
        Draft given = Draft.of(cells.get(Column.NAME), cells.get(Column.URL),
                read.value(Column.ENTITY_TYPE, cell -> constant(EntityType.class, cell.toLowerCase(Locale.ROOT))),
                read.value(Column.USE_AJAX, ActionCsv::truth))
                .withDescription(cells.get(Column.DESCRIPTION))
                .withEnabled(read.value(Column.ENABLED, ActionCsv::truth))
                .withMethod(read.value(Column.METHOD, cell -> constant(Method.class, cell.toUpperCase(Locale.ROOT))))
                .withHeaders(read.value(Column.HEADERS, this::headers))
                .withTimeoutMs(read.value(Column.TIMEOUT, ActionCsv::number))
                .withMaxAttempts(read.value(Column.ATTEMPTS, ActionCsv::number))
                .withRatePerMinute(read.value(Column.PER_MINUTE, ActionCsv::number))
                .withSigningSecret(cells.containsKey(Column.SIGNING_SECRET) ? cells.get(Column.SIGNING_SECRET).strip() : null)
                .withRoles(read.value(Column.ROLES,
                        cell -> each(cell, one -> constant(Role.class, one.toLowerCase(Locale.ROOT)))))
                .withProjectIds(read.value(Column.PROJECTS, cell -> each(cell, ActionCsv::id)));
        return new Row(line.number(), read.value(Column.ID, ActionCsv::id),
                Optional.ofNullable(given.url()).flatMap(TriggerLink::read).orElse(null), given, EnumSet.copyOf(columns),
                wrong);
    }

    private record Cells(int line, Map<Column, String> cells, Set<Column> wrong, List<Wrong> errors) {

        <T> T value(Column column, Function<String, T> read) {
            String cell = cells.get(column);
            try {
                return cell == null ? null : read.apply(cell.strip());
            } catch (IllegalArgumentException e) {
                errors.add(new Wrong(line, column.title, "\"" + shown(cell) + "\": " + e.getMessage()));
                wrong.add(column);
                return null;
            }
        }
    }

    private static String type(String cell) {
        if (!cell.equalsIgnoreCase(TYPE)) {
            throw new IllegalArgumentException("this must be " + TYPE + ": no other type of line can be imported.");
        }
        return cell;
    }

    private static Boolean truth(String cell) {
        String word = Normalizer.normalize(cell, Normalizer.Form.NFC).toLowerCase(Locale.ROOT);
        if (!TRUE.contains(word) && !FALSE.contains(word)) {
            throw new IllegalArgumentException("this must be true or false (yes or no, 1 or 0).");
        }
        return TRUE.contains(word);
    }

    private static Integer number(String cell) {
        try {
            return Integer.valueOf(cell);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("this must be a whole number.", e);
        }
    }

    private static UUID id(String cell) {
        return Optional.ofNullable(StrictJson.id(cell)).orElseThrow(() -> new IllegalArgumentException(
                "this must be a UUID, such as 0d5b1c1e-4a57-4f43-9f5e-4c4b2b6f0f11."));
    }

    private static <E extends Enum<E>> E constant(Class<E> type, String cell) {
        return Arrays.stream(type.getEnumConstants()).filter(one -> one.name().equals(cell)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("this must be one of " + Arrays.stream(type.getEnumConstants())
                        .map(Enum::name).collect(Collectors.joining(", ")) + "."));
    }

    private static <T> List<T> each(String cell, Function<String, T> read) {
        return Arrays.stream(cell.split("[,;\\s]+")).filter(one -> !one.isEmpty()).map(read).toList();
    }

    private Map<String, String> headers(String cell) {
        try {
            return json.readValue(cell, new TypeReference<LinkedHashMap<String, String>>() {
            });
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("this must be a JSON object of texts, such as {\"X-Queue\":\"fast\"}.", e);
        }
    }

    private static String shown(String cell) {
        return cell.codePointCount(0, cell.length()) <= SHOWN ? cell
                : cell.substring(0, cell.offsetByCodePoints(0, SHOWN)) + "…";
    }
}
