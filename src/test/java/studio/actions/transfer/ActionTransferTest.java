package studio.actions.transfer;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;
import static studio.actions.testing.Json.has;

import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import jakarta.inject.Inject;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.response.Response;
import io.restassured.response.ValidatableResponse;
import studio.actions.testing.Api;
import studio.actions.testing.Database;
import studio.actions.testing.Json;
import studio.actions.testing.Services;

@QuarkusTest
@WithTestResource(Services.class)
class ActionTransferTest {

    private static final String KITSU = "\"Type\";\"Name\";\"URL\";\"Entity Type\";\"Use AJAX\"\n";

    private static final String OURS = "\"Type\";\"Name\";\"URL\";\"Entity Type\";\"Use AJAX\";\"Description\";\"Enabled\";\"Method\";"
            + "\"Headers\";\"Timeout (ms)\";\"Attempts\";\"Per Minute\";\"Signing Secret\";\"Roles\";\"Projects\";\"ID\"\n";

    private static final String ID = "0d5b1c1e-4a57-4f43-9f5e-4c4b2b6f0f11";

    /** A valid file with one action. */
    private static final String FINE = "Name;URL\nSync;https://api.studio.com/sync\n";

    @Inject
    Database database;

    @BeforeEach
    void emptyTheStudio() throws SQLException {
        database.execute("DELETE FROM action");
    }

    // Export

    @Test
    void exportsKitsusColumnsFollowedByOwnColumns() {
        String id = Api.id(Api.create(full()));

        Response file = export("");

        file.then().statusCode(200).header("Content-Type", "text/csv;charset=utf-8")
                .header("Content-Disposition", "attachment; filename=\"custom-actions.csv\"");
        assertThat(file.asString()).isEqualTo(OURS + "\"CustomAction\";\"Sync \"\"all\"\"; now\";"
                + "\"https://api.studio.com/sync?entity={entity_id}\";\"shot\";\"true\";\"Two\nlines\";\"false\";\"PUT\";"
                + "\"{\"\"X-A\"\":\"\"1\"\",\"\"X-Key\"\":\"\"${secret:farm}\"\"}\";\"20000\";\"3\";\"60\";\"sign-here\";"
                + "\"supervisor,client\";\"42368e00-09e1-4c4e-9a16-0d9891200536,63f8a332-e209-4f8c-b384-747d5eda4b57\";"
                + "\"" + id + "\"\n");
    }

    @Test
    void exportsOnlyKitsusColumnsOnRequest() {
        Api.id(Api.create(full()));

        assertThat(export("columns=kitsu").asString()).isEqualTo(KITSU + "\"CustomAction\";\"Sync \"\"all\"\"; now\";"
                + "\"https://api.studio.com/sync?entity={entity_id}\";\"shot\";\"true\"\n");
    }

    @Test
    void exportsWithCommaAndByteOrderMark() {
        Api.id(Api.create(Api.draft()));

        byte[] file = export("delimiter=,&bom=true&columns=kitsu").asByteArray();

        assertThat(new String(file, StandardCharsets.UTF_8)).isEqualTo("\ufeff" + KITSU.replace(';', ',')
                + "\"CustomAction\",\"Sync\",\"https://api.studio.com/sync\",\"all\",\"false\"\n");
    }

    @Test
    void exportsOnlyHeaderWithoutActions() {
        assertThat(export("").asString()).isEqualTo(OURS);
    }

    @Test
    void sortsByNameTypeAndId() {
        for (String name : List.of("b", "B", "a", "Ä", "c")) {
            Api.id(Api.create(Api.draft("name", name)));
        }
        Api.id(Api.create(Api.draft("name", "c", "entity_type", "shot")));
        Api.id(Api.create(Api.draft("name", "c", "entity_type", "shot")));

        List<List<String>> lines = lines(export("").asString());

        assertThat(lines).extracting(line -> line.get(1) + " " + line.get(3)).containsExactly("a all", "B all", "b all",
                "c all",
                "c shot", "c shot", "Ä all");
        assertThat(lines.get(4).get(15)).isLessThan(lines.get(5).get(15));
    }

    @ParameterizedTest
    @CsvSource({ "delimiter=|, delimiter", "columns=some, columns", "bom=1, bom" })
    void refusesUnknownExportParameters(String query, String parameter) {
        export(query).then().statusCode(400)
                .body(has("code", equalTo("invalid_parameter"), "errors.pointer", contains(parameter)));
    }

    // Export and import again

    @Test
    void importsItsOwnExportUnchanged() throws SQLException {
        Api.id(Api.create(full()));
        for (String text : List.of("=1+1", "+1", "-5", "@SUM(A1)", "＝1", "＋1", "－1", "＠1", "'=1", "''-5", "'tis", "a;b,c\"d\"",
                "🚀 ü")) {
            Api.id(Api.create(Api.draft("name", text, "description", text + "\r\n\t" + text, "headers",
                    Map.of("X", text.charAt(0) < 0x7f
                            ? text
                            : "x"))));
        }
        for (String text : List.of("\tx", "\rx", "\nx", " =x", "' x", "'")) {
            Api.id(Api.create(Api.draft("description", text)));
        }
        String exported = export("").asString();

        emptyTheStudio();
        apply(exported).body(has("created", equalTo(20), "errors", empty()));

        assertThat(export("").asString()).isEqualTo(exported);
        apply(exported).body(has("created", equalTo(0), "updated", equalTo(0), "unchanged", equalTo(20)));
    }

    @ParameterizedTest
    @ValueSource(strings = { "delimiter=,", "bom=true", "delimiter=,&bom=true" })
    void importsExportSavedBySpreadsheet(String form) throws SQLException {
        Api.id(Api.create(full()));
        String exported = export("").asString();
        String file = export(form).asString().replace("\n", "\r\n");

        emptyTheStudio();
        apply(file.replace("Two\r\nlines", "Two\nlines")).body(has("created", equalTo(1), "errors", empty()));

        assertThat(export("").asString()).isEqualTo(exported);
    }

    @ParameterizedTest
    @EnumSource(value = ActionCsv.Column.class, mode = EnumSource.Mode.INCLUDE, names = { "NAME", "DESCRIPTION" })
    void storesFormulaAsText(ActionCsv.Column column) {
        for (String formula : List.of("=1+1", "+1", "-5", "@x", "＝1", "＋1", "－1", "＠1")) {
            String file = column == ActionCsv.Column.NAME ? "Name;URL\n" + formula + ";https://api.studio.com/"
                    : "Name;URL;Description\nOf " + formula + ";https://api.studio.com/;" + formula;

            apply(file).body(has("created", equalTo(1), "errors", empty()));

            assertThat(export("").asString()).contains("\"'" + formula + "\"");
        }
    }

    @Test
    void refusesFormulasOutsideNameAndDescription() {
        String columns = "Type;Name;URL;Entity Type;Use AJAX;Enabled;Method;Headers;Timeout (ms);Attempts;Per Minute;Signing Secret;"
                + "Roles;Projects;ID";
        for (String formula : List.of("=1+1", "+x", "-5", "@x", "＝1", "－5")) {
            Json answer = Json.of(check(columns + "\n" + formula + ";Sync" + (";" + formula).repeat(13)).extract());

            assertThat(answer.<String> getList("errors.column")).as(formula).contains("Type", "Entity Type", "Use AJAX",
                    "Enabled", "Method", "Headers", "Timeout (ms)", "Attempts", "Per Minute", "Signing Secret",
                    "Roles",
                    "Projects", "ID");
            assertThat(pairs(Json.of(check("Name;URL\nSync;" + formula).extract()))).as(formula).containsExactly("2 URL");
        }
    }

    // Kitsu's own file

    @Test
    void importsFileOfKitsusExportButton() {
        String kitsu = "\"Type\";\"Name\";\"URL\";\"Entity Type\";\"Use AJAX\"\n"
                + "\"CustomAction\";\"Open in Maya\";\"maya://open?file={entity_id}\";\"asset\";\"false\"\n"
                + "\"CustomAction\";\"Sync\";\"https://api.studio.com/sync\";\"all\";\"true\"\n"
                // Older versions of Kitsu write an empty cell for false, and no quotes.
                + "CustomAction;Review;https://review.studio.com/shot/{entity_id};shot;";

        apply(kitsu).body(has("created", equalTo(3), "updated", equalTo(0), "unchanged", equalTo(0), "errors", empty()));

        assertThat(lines(export("columns=kitsu").asString())).containsExactly(
                List.of("CustomAction", "Open in Maya", "maya://open?file={entity_id}", "asset", "false"),
                List.of("CustomAction", "Review", "https://review.studio.com/shot/{entity_id}", "shot", "false"),
                List.of("CustomAction", "Sync", "https://api.studio.com/sync", "all", "true"));
        apply(kitsu).body(has("unchanged", equalTo(3), "created", equalTo(0)));
    }

    @ParameterizedTest
    @ValueSource(strings = { "Type;Nom;URL;Type d'entité;AJAX", "Typ;Name;Adresse;Entitätstyp;AJAX benutzen",
            "类型;名称;URL;实体类型;AJAX" })
    void importsKitsuFileInAnotherLanguage(String header) {
        apply(header + "\nCustomAction;Sync;https://api.studio.com/sync;shot;true")
                .body(has("created", equalTo(1), "errors", empty()));

        assertThat(export("columns=kitsu").asString())
                .endsWith(line("CustomAction", "Sync", "https://api.studio.com/sync", "shot",
                        "true"));
    }

    @ParameterizedTest
    @ValueSource(strings = { "Typ;URL;Adresse;Name;AJAX\nCustomAction;a;https://api.studio.com/;b;",
            "Typ;Nom;Adresse;Art;AJAX\nShot;a;https://api.studio.com/;b;",
            "Typ;Nom;Adresse;Art\nCustomAction;a;https://api.studio.com/;all",
            "Typ;Nom;Adresse;Art;AJAX" })
    void refusesFileThatOnlyResemblesTranslatedKitsuFile(String file) {
        assertThat(Json.of(check(file).extract()).<Integer> getList("errors.line")).isNotEmpty().containsOnly(1);
    }

    @Test
    void importsTriggerLinksThatKitsuShows() {
        String id = Api.id(Api.create(full()));
        String link = "https://kitsu.studio.com/api/data/custom-actions/" + id + "/run#https://api.studio.com/other";

        apply(KITSU + line("CustomAction", "Another name", link, "shot", "true"))
                .body(has("updated", equalTo(1), "created", equalTo(0), "changes[0].id", equalTo(id), "changes[0].fields",
                        contains("name", "url")));

        assertThat(Json.of(Api.admin().get(Api.ACTIONS + "/" + id)).getMap("")).containsEntry("name", "Another name")
                .containsEntry("url", "https://api.studio.com/other").containsEntry("description", "Two\nlines")
                .containsEntry("timeout_ms", 20000).containsEntry("enabled", false);
    }

    @Test
    void matchesTriggerLinkOfAnotherStudioByName() {
        String id = Api.id(Api.create(Api.draft()));
        String link = "https://elsewhere.com/api/data/custom-actions/" + UUID.randomUUID() + "/open#https://api.studio.com/2";

        apply(KITSU + line("CustomAction", "Sync", link, "all", ""))
                .body(has("updated", equalTo(1), "changes[0].id", equalTo(id)));
    }

    // Matching lines to actions

    @Test
    void findsAnActionByItsId() {
        String id = Api.id(Api.create(Api.draft()));

        apply("ID;URL;Name\n" + id + ";https://api.studio.com/2;Renamed").body(has("updated", equalTo(1)));

        assertThat(names()).containsExactly("Renamed");
    }

    @Test
    void findsAnActionByItsNameAndType() {
        String id = Api.id(Api.create(Api.draft()));
        Api.id(Api.create(Api.draft("entity_type", "shot")));

        apply("name,url,entity type\n Sync ,https://api.studio.com/2,ALL")
                .body(has("updated", equalTo(1), "changes[0].id", equalTo(id), "changes[0].fields", contains("url")));
    }

    @Test
    void createsActionUnderUnknownId() {
        apply("Name;URL;ID\nSync;https://api.studio.com/sync;" + ID)
                .body(has("created", equalTo(1), "changes[0].id", equalTo(ID)));

        assertThat(lines(export("").asString()).get(0).get(15)).isEqualTo(ID);
    }

    @Test
    void restoresDeletedActionUnderItsId() {
        String id = Api.id(Api.create(Api.draft()));
        String exported = export("").asString();
        Api.admin().delete(Api.ACTIONS + "/" + id).then().statusCode(204);

        apply(exported).body(has("created", equalTo(1)));

        assertThat(Json.of(Api.admin().get(Api.ACTIONS + "/" + id)).getInt("version")).isEqualTo(3);
    }

    @Test
    void refusesLineThatMatchesTwoActions() {
        Api.id(Api.create(Api.draft()));
        Api.id(Api.create(Api.draft()));

        refused(FINE, 2, "Name",
                "2 stored actions have this name and entity type. Add a column ID that says which one is meant.");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "Name;URL~Sync;https://api.studio.com/1~Sync;https://api.studio.com/2 | Name",
            "Name;URL;ID~Sync;https://api.studio.com/1;" + ID + "~Other;https://api.studio.com/2;" + ID + " | ID",
            "Name;URL~A;https://k.com/api/data/custom-actions/" + ID + "/run#https://api.studio.com/~B;https://k.com/api/data/"
                    + "custom-actions/" + ID + "/run#https://api.studio.com/ | URL" })
    void refusesTwoLinesForOneAction(String file, String column) {
        refused(file.replace("~", "\n"), 3, column, "Line 2 is for the same action.");
    }

    @Test
    void refusesTwoLinesThatMatchOneActionByNameAndById() {
        String id = Api.id(Api.create(Api.draft()));

        refused("Name;URL;ID\nSync;https://api.studio.com/1;\nOther;https://api.studio.com/2;" + id, 3, "ID",
                "Line 2 is for the same action.");
    }

    // Columns

    @Test
    void keepsFieldsWithoutColumn() {
        String id = Api.id(Api.create(full()));

        apply("URL;ID;Name;Timeout (ms)\nhttps://api.studio.com/2;" + id + ";Sync;").body(has("updated", equalTo(1)));

        assertThat(Json.of(Api.admin().get(Api.ACTIONS + "/" + id)).getMap("")).containsEntry("entity_type", "shot")
                .containsEntry("is_ajax", true).containsEntry("description", "Two\nlines").containsEntry("method", "PUT")
                // An empty cell stands for the default.
                .containsEntry("timeout_ms", 10000);
    }

    @ParameterizedTest
    @CsvSource({ "true, true", "TRUE, true", "yes, true", "1, true", "false, false", "No, false", "0, false", "'', false" })
    void readsCommonSpellingsOfBooleans(String cell, boolean truth) {
        apply("Name;URL;Use AJAX\nSync;https://api.studio.com/sync;" + cell).body(has("errors", empty()));

        assertThat(lines(export("").asString()).get(0).get(4)).isEqualTo(Boolean.toString(truth));
    }

    @Test
    void checkReportsChangesAndAppliesNone() {
        String id = Api.id(Api.create(Api.draft("timeout_ms", 5000)));
        String before = export("").asString();

        check("Name;URL;Timeout (ms)\nSync;https://api.studio.com/sync;6000\nNew;https://api.studio.com/new;")
                .body(has("created", equalTo(1), "updated", equalTo(1), "unchanged", equalTo(0), "errors", empty(),
                        "changes.line", contains(2, 3), "changes.kind", contains("updated", "created"), "changes.action",
                        contains("Sync", "New"), "changes[0].id", equalTo(id), "changes[0].fields", contains("timeout_ms"),
                        "changes[0].from", equalTo(Map.of("timeout_ms", 5000)), "changes[0].to",
                        equalTo(Map.of("timeout_ms", 6000)), "changes[1].from", equalTo(null), "changes[1].to.url",
                        equalTo("https://api.studio.com/new")));

        assertThat(export("").asString()).isEqualTo(before);
    }

    @Test
    void reportsAllErrorsAndChangesNothing() {
        String file = """
                Name;URL;Entity Type;Use AJAX;Enabled;Method;Headers;Timeout (ms);Attempts;Per Minute;Signing Secret;Roles;Projects;ID
                Fine;https://api.studio.com/;;;;;;;;;;;;
                ;not a url;banana;maybe;perhaps;BREW;[];soon;9;-5;unknown;boss;here;there
                Inside;http://10.0.0.1/;all;true;;;"{""Host"":""x""}";;;;;;;
                Script;javascript:alert(1);all;false;;;;;;;;;;
                Secret;https://api.studio.com/?token=x;;;;;;;;;;;;
                Short;https://api.studio.com/
                Nul\0;https://api.studio.com/;;;;;;;;;;;;
                """;

        Json answer = Json.of(applyNothing(file).extract());

        assertThat(pairs(answer)).contains("3 Name", "3 Entity Type", "3 Use AJAX", "3 Enabled", "3 Method",
                "3 Headers",
                "3 Timeout (ms)", "3 Attempts", "3 Per Minute", "3 Signing Secret", "3 Roles", "3 Projects", "3 ID",
                "4 URL", "4 Headers", "5 URL", "6 URL", "7 null", "8 Name").doesNotContain("2 Name").doesNotHaveDuplicates();
        assertThat(answer.getMap("")).containsEntry("created", 0).containsEntry("changes", List.of());
        assertThat(names()).isEmpty();
        assertThat(Json.of(check(file).extract()).getInt("created")).isEqualTo(1);
    }

    @Test
    void treatsLinesWithoutNameAsDifferentActions() {
        Json answer = Json.of(check("Name;URL\n;https://api.studio.com/\n;javascript:alert(1)").extract());

        assertThat(pairs(answer)).containsExactly("2 Name", "3 Name", "3 URL");
    }

    @Test
    void appliesValidLinesWithSkipInvalid() {
        String file = "Name;URL\nFine;https://api.studio.com/\nWrong;nonsense://x";

        post("apply&skip_invalid=false", file.getBytes(StandardCharsets.UTF_8)).statusCode(422);
        assertThat(names()).isEmpty();
        post("apply&skip_invalid=true", file.getBytes(StandardCharsets.UTF_8)).statusCode(200)
                .body(has("created", equalTo(1), "errors.line", contains(3)));
        assertThat(names()).containsExactly("Fine");
        post("apply&skip_invalid=true", "Nonsense;Columns\n1;2".getBytes(StandardCharsets.UTF_8)).statusCode(422);
    }

    /** Uses the words that Excel writes for true and false in Kitsu's languages. */
    @ParameterizedTest
    @CsvSource({ "VRAI, FAUX", "WAHR, FALSCH", "VERDADERO, FALSO", "VERDADEIRO, FALSO", "VERO, FALSO", "WAAR, ONWAAR",
            "SAND, FALSK", "PRAWDA, FAŁSZ", "ИСТИНА, ЛОЖЬ", "IGAZ, HAMIS", "TOSI, EPÄTOSI", "SANT, FALSKT", "DOĞRU, YANLIŞ",
            "PRAVDA, NEPRAVDA", "oui, non", "ja, nein", "si\u0301, no", "да, нет" })
    void readsBooleansInKitsusLanguages(String yes, String no) {
        apply("Name;URL;Use AJAX\nA;https://api.studio.com/;" + yes + "\nB;https://api.studio.com/;" + no)
                .body(has("errors", empty(), "changes[0].to.is_ajax", equalTo(true), "changes[1].to.is_ajax", equalTo(false)));
    }

    @ParameterizedTest
    @ValueSource(strings = { "Name;URL;;;\nSync;https://api.studio.com/;;;\n", "Name;URL\nSync;https://api.studio.com/;;;\n",
            "sep=;\nName;URL\nSync;https://api.studio.com/\n", "SEP=,\r\nName,URL\r\nSync,https://api.studio.com/\r\n",
            "\ufeffsep=\t\nName\tURL\nSync\thttps://api.studio.com/", "Name\tURL\nSync\thttps://api.studio.com/\n",
            "\"sep=;\"\nName;URL\nSync;https://api.studio.com/\n", "sep=;;;\nName;URL;\nSync;https://api.studio.com/;" })
    void readsFilesSavedBySpreadsheets(String file) {
        apply(file).body(has("created", equalTo(1), "errors", empty()));
        assertThat(names()).containsExactly("Sync");
    }

    @Test
    void countsSeparatorLineInLineNumbers() {
        refused("sep=;\nName;URL\nFine;https://api.studio.com/\nWrong;nonsense://x", 4, "URL", "scheme");
    }

    @ParameterizedTest
    @ValueSource(strings = { "text/tab-separated-values", "application/vnd.ms-excel", "text/csv; charset=utf-8",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" })
    void acceptsEveryMediaTypeThatBrowsersSendForCsv(String type) {
        given().header("Authorization", "Bearer " + Services.TOKEN).contentType(type)
                .body(FINE.getBytes(StandardCharsets.UTF_8))
                .post(Api.ACTIONS + "/import?mode=check").then().statusCode(200).body(has("created", equalTo(1)));
    }

    @ParameterizedTest
    @ValueSource(strings = { "PK\u0003\u0004", "\u00d0\u00cf\u0011\u00e0" })
    void explainsThatExcelWorkbookIsNotCsv(String begin) {
        byte[] workbook = (begin + "\u0000\u0014 xl/workbook.xml").getBytes(StandardCharsets.ISO_8859_1);

        post("check", workbook).statusCode(400).body("code", equalTo("invalid_csv"), "detail",
                equalTo("This is an Excel workbook: save it as 'CSV UTF-8', and send that."));
    }

    /** macOS writes an accent as a combining character behind its letter (NFD). */
    @Test
    void matchesNamesRegardlessOfUnicodeNormalization() {
        String id = Api.id(Api.create(Api.draft("name", "Re\u0301vision")));

        assertThat(names()).containsExactly("R\u00e9vision");
        apply("Name;URL\nRe\u0301vision;https://api.studio.com/other")
                .body(has("updated", equalTo(1), "created", equalTo(0), "changes[0].id", equalTo(id)));
        assertThat(names()).containsExactly("R\u00e9vision");
    }

    @ParameterizedTest
    @ValueSource(strings = { "\u00a0=1+1", "\u200b=1+1", "\u2060+1", "\ufeff@x", " \u00a0\u200b -1", "\u3000\uff1d1" })
    void escapesFormulaBehindInvisibleCharacters(String description) {
        Api.id(Api.create(Api.draft("description", description)));

        String file = export("").asString();

        assertThat(file).contains("\"'" + description + "\"");
        assertThat(lines(file)).hasSize(1);
        apply(file).body(has("unchanged", equalTo(1)));
    }

    @Test
    void omitsErrorsThatFollowFromOthers() {
        String id = Api.id(Api.create(full()));

        Json answer = Json
                .of(check("Name;URL;Use AJAX;ID\nSync;nonsense://x;perhaps;\nSync;https://api.studio.com/;yes;" + id + "x")
                        .extract());

        assertThat(pairs(answer)).containsExactly("2 Use AJAX", "3 ID");
    }

    /** Spreadsheets save a range with all its columns, even if only the first ones are filled. */
    @Test
    void takesAnyNumberOfEmptyColumns() {
        Json answer = Json.of(check("Name;URL" + ";".repeat(1000) + "\nSync;https://api.studio.com/" + ";".repeat(1000))
                .extract());

        assertThat(answer.getList("errors")).isEmpty();
        assertThat(answer.getInt("created")).isEqualTo(1);
    }

    @Test
    void saysOnceThatAFileHasTooManyColumns() {
        Json answer = Json.of(check("a;".repeat(100_000)).extract());

        assertThat(answer.<String> getList("errors.message"))
                .containsExactly("The file has 100,000 columns, but only 16 are known.");
    }

    @Test
    void saysWhyEgressRefuses() {
        refused("Name;URL;Use AJAX\nSync;https://169.254.169.254/latest;yes", 2, "URL", "link-local address");
    }

    // The header

    @ParameterizedTest
    @CsvSource({ "URL, Name", "Name, URL" })
    void refusesAFileWithoutARequiredColumn(String there, String missing) {
        refused(there + ";Description\nx;y", 1, missing, "The column " + missing + " is missing.");
    }

    @Test
    void refusesDuplicateColumn() {
        refused("Name;URL;name\nSync;https://api.studio.com/;Other", 1, "Name", "The column Name is given twice.");
    }

    @ParameterizedTest
    @ValueSource(strings = { "Naem", "=Name", "Nom", "" })
    void refusesUnknownColumn(String title) {
        refused("Name;URL;" + title + "\nSync;https://api.studio.com/;x", 1, title, "Known columns: Type, Name, URL,");
    }

    @Test
    void refusesKitsuFileOfAnotherType() {
        refused("Type;Name;URL\nShot;SH010;https://api.studio.com/", 2, "Type", "this must be CustomAction: no other type");
    }

    // Files that cannot be read

    @Test
    void refusesAFileThatIsTooLarge() throws Exception {
        byte[] limit = new byte[5 * 1024 * 1024];
        Arrays.fill(limit, (byte) '\n');
        byte[] start = FINE.getBytes(StandardCharsets.UTF_8);
        System.arraycopy(start, 0, limit, 0, start.length);

        HttpResponse<String> read = send(limit);
        HttpResponse<String> refused = send(Arrays.copyOf(limit, limit.length + 1));

        assertThat(read.statusCode()).isEqualTo(200);
        assertThat(Json.of(read.body()).getInt("created")).isEqualTo(1);
        assertThat(refused.statusCode()).isEqualTo(413);
        assertThat(Json.of(refused.body()).getMap("")).containsEntry("code", "too_large")
                .containsEntry("detail", "The body may have at most 5,242,880 bytes. Send it in parts.");
    }

    @Test
    void refusesTooManyRows() {
        String rows = IntStream.rangeClosed(1, 10_001).mapToObj(i -> "Sync " + i + ";https://api.studio.com/")
                .collect(Collectors.joining("\n"));

        post("check", ("Name;URL\n" + rows).getBytes(StandardCharsets.UTF_8)).statusCode(413)
                .body(has("code", equalTo("too_large"), "detail", containsString("10,000 lines")));
    }

    @ParameterizedTest
    @ValueSource(strings = { "", "\n\n", "\r", "\ufeff" })
    void refusesAnEmptyFile(String file) {
        unreadable(file.getBytes(StandardCharsets.UTF_8), "The file is empty");
    }

    @Test
    void refusesFileThatIsNotUtf8Csv() {
        unreadable("Name;URL\n\"Sync;https://api.studio.com/\n".getBytes(StandardCharsets.UTF_8), "Line 2 opens a quote");
        unreadable("Name;URL\nÜbung;https://x/".getBytes(StandardCharsets.ISO_8859_1), "Line 2 holds the byte 0xDC");
        unreadable(FINE.getBytes(StandardCharsets.UTF_16), "The file is UTF-16");
    }

    @ParameterizedTest
    @ValueSource(
            strings = { "\ufeffName;URL\r\nSync;https://api.studio.com/sync", "Name;URL\rSync;https://api.studio.com/sync\r" })
    void readsByteOrderMarkAndCarriageReturnLineEnds(String file) {
        apply(file).body(has("created", equalTo(1), "errors", empty()));
    }

    @ParameterizedTest
    @ValueSource(
            strings = { "Name", "URL", "Headers", "ID", "Signing Secret" })
    void saysThatACellOfAMegabyteIsTooLong(String column) {
        String cell = "x".repeat(1024 * 1024);
        String file = List.of("Name", "URL").contains(column) ? FINE.replace(column.equals("Name") ? "Sync" : "https", cell)
                : FINE.replaceFirst("\n", ";" + column + "\n").replaceFirst("\n$", ";" + cell + "\n");

        Json answer = Json.of(check(file).extract());

        assertThat(pairs(answer)).containsExactly("2 " + column);
        assertThat(answer.prettify()).hasSizeLessThan(3000);
    }

    @Test
    void refusesOtherMediaTypesAndUnknownModes() {
        given().header("Authorization", "Bearer " + Services.TOKEN).contentType("application/json").body("{}")
                .post(Api.ACTIONS + "/import?mode=check").then().statusCode(415)
                .body(has("detail", containsString("text/csv")));
        post("perhaps", FINE.getBytes(StandardCharsets.UTF_8)).statusCode(400);
        given().header("Authorization", "Bearer " + Services.TOKEN).contentType("text/csv").body(FINE)
                .post(Api.ACTIONS + "/import").then().statusCode(400)
                .body(has("detail", equalTo("'mode' must be check or apply.")));
    }

    // Concurrent imports and broken connections

    @Test
    void runsConcurrentImportsOneAfterAnother() throws Exception {
        String file = "Name;URL\n" + IntStream.rangeClosed(1, 300).mapToObj(i -> "Sync " + i + ";https://api.studio.com/\n")
                .collect(Collectors.joining());
        ExecutorService studios = Executors.newFixedThreadPool(4);
        List<Future<Json>> answers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            answers.add(studios.submit(() -> Json.of(apply(file).extract())));
        }

        List<Integer> created = new ArrayList<>();
        for (Future<Json> answer : answers) {
            assertThat(answer.get().getInt("created") + answer.get().getInt("unchanged")).isEqualTo(300);
            created.add(answer.get().getInt("created"));
        }

        assertThat(created).containsExactlyInAnyOrder(300, 0, 0, 0);
        assertThat(names()).hasSize(300).doesNotHaveDuplicates();
        studios.shutdown();
    }

    @Test
    void importsAndChangesWaitForEachOther() throws Exception {
        String id = Api.id(Api.create(Api.draft()));
        ExecutorService admins = Executors.newFixedThreadPool(4);
        List<Future<?>> done = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            String description = "Version " + i;
            done.add(admins.submit(i % 3 == 0
                    ? () -> apply("Name;URL;Description;ID\nSync;https://api.studio.com/sync;" + description + ";" + id)
                            .body(has("errors", empty()))
                    : () -> Api.admin().body(Map.of("description", description)).patch(Api.ACTIONS + "/" + id).then()
                            .statusCode(200)));
        }

        for (Future<?> one : done) {
            one.get();
        }
        admins.shutdown();
        Json history = Json.of(Api.admin().get(Api.ACTIONS + "/" + id + "/history?limit=100"));
        assertThat(history.<Integer> getList("data.version")).containsExactlyElementsOf(
                IntStream.iterate(61, version -> version - 1).limit(61).boxed().toList());
    }

    @Test
    void brokenUploadChangesNothing() throws Exception {
        byte[] file = ("Name;URL\n" + "Sync;https://api.studio.com/\n".repeat(1)
                + IntStream.range(0, 2000).mapToObj(i -> "Cut " + i + ";https://api.studio.com/\n")
                        .collect(Collectors.joining()))
                .getBytes(StandardCharsets.UTF_8);
        for (int part : List.of(0, 30, file.length / 2, file.length - 1)) {
            try (Socket socket = new Socket("localhost", RestAssured.port)) {
                OutputStream out = socket.getOutputStream();
                out.write(("POST " + Api.ACTIONS + "/import?mode=apply HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
                        + Services.TOKEN + "\r\nContent-Type: text/csv\r\nContent-Length: " + file.length + "\r\n\r\n")
                        .getBytes(StandardCharsets.US_ASCII));
                out.write(file, 0, part);
                out.flush();
            }
        }

        // A complete import afterwards, to show that the service has handled the broken ones.
        apply(FINE).body(has("created", equalTo(1)));
        assertThat(names()).containsExactly("Sync");
    }

    // Helpers of this test

    private static Map<String, Object> full() {
        Map<String, Object> headers = new LinkedHashMap<>(Map.of("X-Key", "${secret:farm}"));
        headers.put("X-A", "1");
        return Api.draft("name", "Sync \"all\"; now", "url", "https://api.studio.com/sync?entity={entity_id}", "entity_type",
                "shot",
                "is_ajax", true, "description", "Two\nlines", "enabled", false, "method", "PUT", "headers", headers,
                "timeout_ms",
                20000, "max_attempts", 3, "rate_per_minute", 60, "signing_secret", "sign-here", "roles",
                List.of("client", "supervisor"), "project_ids",
                List.of("63f8a332-e209-4f8c-b384-747d5eda4b57", "42368e00-09e1-4c4e-9a16-0d9891200536"));
    }

    private static Response export(String query) {
        return given().header("Authorization", "Bearer " + Services.TOKEN).urlEncodingEnabled(false)
                .get(Api.ACTIONS + "/export" + (query.isEmpty() ? "" : "?" + query.replace("|", "%7C")));
    }

    private static ValidatableResponse check(String file) {
        return post("check", file.getBytes(StandardCharsets.UTF_8)).statusCode(200);
    }

    private static ValidatableResponse apply(String file) {
        return post("apply", file.getBytes(StandardCharsets.UTF_8)).statusCode(200);
    }

    /** Applies a file that must be refused, and checks the status 422, which scripts rely on. */
    private static ValidatableResponse applyNothing(String file) {
        return post("apply", file.getBytes(StandardCharsets.UTF_8)).statusCode(422);
    }

    private static ValidatableResponse post(String mode, byte[] file) {
        return given().header("Authorization", "Bearer " + Services.TOKEN).contentType("text/csv").body(file)
                .post(Api.ACTIONS + "/import?mode=" + mode).then();
    }

    /** Sends a large file with Java's HTTP client, since RestAssured takes seconds for a body of this size. */
    private static HttpResponse<String> send(byte[] file) throws Exception {
        return HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build().send(HttpRequest
                .newBuilder(URI.create("http://localhost:" + RestAssured.port + Api.ACTIONS + "/import?mode=check"))
                .header("Authorization", "Bearer " + Services.TOKEN).header("Content-Type", "text/csv")
                .POST(HttpRequest.BodyPublishers.ofByteArray(file)).build(), HttpResponse.BodyHandlers.ofString());
    }

    /** Checks that a file with one error is refused as a whole and changes no action. */
    private void refused(String file, int line, String column, String why) {
        List<String> before = names();
        for (ValidatableResponse answer : List.of(check(file), applyNothing(file))) {
            answer.body(has("errors.line", contains(line), "errors.column", contains(column), "errors[0].message",
                    containsString(why)));
        }
        assertThat(names()).isEqualTo(before);
    }

    private static void unreadable(byte[] file, String why) {
        post("apply", file).statusCode(400).body(has("code", equalTo("invalid_csv"), "detail", containsString(why)));
    }

    private static List<String> names() {
        // Not from the cached list, which does not notice that emptyTheStudio deleted all actions.
        return lines(export("").asString()).stream().map(line -> line.get(1)).toList();
    }

    private static List<String> pairs(Json answer) {
        List<Integer> lines = answer.getList("errors.line");
        List<String> columns = answer.getList("errors.column");
        return IntStream.range(0, lines.size()).mapToObj(i -> lines.get(i) + " " + columns.get(i)).toList();
    }

    private static List<List<String>> lines(String file) {
        List<List<String>> lines = new ArrayList<>(
                studio.actions.csv.Csv.read(file.getBytes(StandardCharsets.UTF_8), Integer.MAX_VALUE).stream()
                        .map(studio.actions.csv.Csv.Line::cells)
                        .toList());
        return lines.isEmpty() ? Collections.emptyList() : lines.subList(1, lines.size());
    }

    private static String line(String... cells) {
        return Arrays.stream(cells).map(cell -> '"' + cell + '"').collect(Collectors.joining(";")) + "\n";
    }
}
