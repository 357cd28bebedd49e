package studio.actions.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.net.URI;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import studio.actions.template.Template.Filled;
import studio.actions.template.Template.Missing;
import studio.actions.template.Template.Refused;
import studio.actions.template.Template.Unsafe;
import studio.actions.template.Template.Url;
import studio.actions.template.Variable.Scope;

class TemplateTest {

    private static final int LONGEST = 10_000;

    private static final String LINK = "https://kitsu.studio/api/data/custom-actions/5f1b9d5e-0c2a-4b43-9c59-0a4a3a6f2e10/";

    // ---- Refused templates

    @ParameterizedTest
    @ValueSource(strings = { "", " ", "\t\r\n", "\u2003", LINK + "run#", LINK + "open#", LINK + "run# ", LINK + "run",
            LINK + "run#" + LINK + "run#" })
    void refusesBlankText(String text) {
        assertThat(refused(text).code()).isEqualTo("template_blank");
    }

    @Test
    void refusesNull() {
        assertThat(refused(null).code()).isEqualTo("template_blank");
    }

    @Test
    void acceptsUpToTwoThousandCharacters() {
        String longest = "https://a.com/" + "x".repeat(1986);
        assertThat(Template.parse(LINK + "run#" + longest).text()).hasSize(2000);
        assertThat(refused(longest + "x")).hasMessageContaining("2,000").extracting(Refused::code)
                .isEqualTo("template_too_long");
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '~', delimiterString = " -> ", textBlock = """
            ~https://a.com/a b~       -> %20
            https://a.com/"           -> %22
            https://a.com/<           -> %3C
            https://a.com/>           -> %3E
            https://a.com/a\\b         -> %5C
            https:\\\\a.com/            -> %5C
            https://a.com\\@evil.com/  -> %5C
            https://a.com/^           -> %5E
            https://a.com/`           -> %60
            https://a.com/?a=1|2      -> %7C
            https://a.com/[x]         -> %5B
            https://a.com/x]          -> %5D
            https://a.com/{entity_id}/[ -> %5B
            https://a.com/#a#b        -> %23
            https://a.com/#a{?entity_id}#b -> %23
            ~maya://open?file=C:\\{entity_name}~ -> %5C
            ~maya://open?file={entity_name} x~ -> %20
            """)
    void refusesCharactersThatMustBeEncodedAndSaysHow(String text, String written) {
        assertThat(refused(text)).hasMessageContaining("Write " + written + " for").extracting(Refused::code)
                .isEqualTo("template_character");
    }

    @ParameterizedTest
    @CsvSource({ "0, U+0000", "1, U+0001", "9, U+0009", "10, U+000A", "13, U+000D", "127, U+007F", "133, U+0085",
            "55357, U+D83D", "56832, U+DE00" })
    void refusesControlCharactersAndUnpairedSurrogates(int character, String name) {
        for (String text : List.of("https://a.com/%sx", "https://a.com/%s{entity_id}", "ht%stps://a.com/",
                "https://a.com/{entity_%sid}")) {
            assertThat(refused(text.formatted((char) character))).hasMessageContaining(name).extracting(Refused::code)
                    .isEqualTo("template_character");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://a.com/%", "https://a.com/100%/x", "https://a.com/%4", "https://a.com/%zz",
            "https://a.com/%4{entity_id}", "https://a.com/%{entity_id}", "https://a.com/{entity_id}%", "https://a%2.com/",
            "maya://open?file=%{entity_name}%" })
    void refusesPercentWithoutTwoHexadecimalDigits(String text) {
        assertThat(refused(text)).hasMessageContaining("Write %25 for the %").extracting(Refused::code)
                .isEqualTo("template_percent");
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://a.com/?x=${entity_id}", "https://a.com/{entity_id", "https://a.com/entity_id}",
            "https://a.com/{}", "https://a.com/{?}",
            "https://a.com/{{entity_id}}", "https://a.com/{a{entity_id}", "https://a.com/{entity_id}}", "https://a.com/{*}",
            "https://a.com/{entity_id,}", "https://a.com/{entity_id,,task_id}", "https://a.com/{ }", "https://a.com/}{",
            "https://a.com/\u2028}", "{", "https://{" })
    void refusesUnbalancedEmptyAndNestedBraces(String text) {
        assertThat(refused(text)).hasMessageContaining("{entity_id}").extracting(Refused::code).isEqualTo("template_braces");
    }

    @ParameterizedTest
    @ValueSource(strings = { "foo", "Entity_Id", "entity_id ", " entity_id", "entity-id", "entity_id**", "entity%5Fid",
            "entity_id&task_id", "entity_id:", "entity_id:x", "??", "日本", "id", "entity_id:3*" })
    void refusesUnknownVariableAndListsTheKnownOnes(String name) {
        Refused refused = refused("https://a.com/{" + name + "}");
        assertThat(refused.code()).isEqualTo("unknown_variable");
        assertThat(refused.getMessage()).contains(Arrays.stream(Variable.values()).map(Variable::name).toList());
    }

    @ParameterizedTest
    @CsvSource({ "entityid, entity_id", "shot_id, entity_id", "asset_name, entity_name", "sequence_id, entity_id",
            "ENTITY_ID, entity_id", "entity-id, entity_id", "enttiy_id, entity_id", "entitytype, entity_type",
            "task_ids, task_id", "task_type, task_type_name", "asset_type, asset_type_name", "production, production_id",
            "productionid, production_id", "project_name, production_name", "projectid, project_id", "personid, user_id",
            "person_email, user_email", "usre_name, user_name", "sequencename, sequence_name", "selections, selection" })
    void suggestsTheNearestVariable(String name, Variable meant) {
        assertThat(refused("https://a.com/{" + name + "}")).hasMessageStartingWith(
                "Replace the unknown variable {" + name + "} by {" + meant + "} or one of: ");
    }

    @ParameterizedTest
    @ValueSource(strings = { "foo", "id", "x", "日本", "secret_of_the_universe" })
    void suggestsNothingWhenNoVariableIsNear(String name) {
        assertThat(refused("https://a.com/{" + name + "}")).hasMessageContaining("by one of: task_id");
    }

    @ParameterizedTest
    @ValueSource(strings = { "+", "#", ".", ";", "=", ",", "!", "@", "|" })
    void refusesOtherOperators(String operator) {
        String expression = "{" + operator + "entity_id}";
        for (String text : List.of("https://a.com/" + expression, "https://a.com" + expression, "maya:" + expression)) {
            assertThat(refused(text)).hasMessageContaining(expression).extracting(Refused::code)
                    .isEqualTo("template_operator");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = { "{entity_name:3}", "{/entity_name:3}", "{?task_id,entity_name:30}", "{&v:3}" })
    void refusesPrefixModifiers(String expression) {
        assertThat(refused("https://a.com/" + expression)).hasMessageContaining(":3").extracting(Refused::code)
                .isEqualTo("template_prefix");
    }

    @ParameterizedTest
    @ValueSource(strings = { "farm.studio/x", "/x/{entity_id}", "//farm.studio/x", "//{entity_name}", "?a={entity_id}", "#",
            "1http://a.com/", "+x://a.com", ":{entity_id}", "://a.com/", "{entity_id}", "{entity_id}/x", "ht_tp://a.com/",
            "hтtp://a.com/", "\u00a0https://a.com/" })
    void refusesTextWithoutScheme(String text) {
        assertThat(refused(text)).hasMessageContaining("https://farm.studio/").extracting(Refused::code)
                .isEqualTo("template_scheme");
    }

    @ParameterizedTest
    @ValueSource(strings = { "{entity_name}://a.com/", "{entity_name}:x", "ht{entity_name}tp://a.com/",
            "https{?entity_name}://a.com/", "ht{?entity_name}{&task_id}tp:x", "http{entity_name}:x", "{/entity_name}://" })
    void refusesVariableInTheScheme(String text) {
        assertThat(refused(text)).hasMessageContaining("entity_name}").extracting(Refused::code)
                .isEqualTo("variable_in_authority");
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://{entity_name}", "https://{entity_name}/", "https://{entity_name}.a.com/",
            "https://a.{entity_name}.com/x", "https://a.com{entity_name}", "https://a.com{entity_name}/x",
            "https://a.com{&entity_name}", "https://a.com{&entity_name}/x", "maya://{entity_name}", "maya://{entity_name}/x",
            "https://[{entity_name}]/", "https://a.com%2f{entity_name}", "https://a.com.{entity_name}/" })
    void refusesVariableInTheHost(String text) {
        assertThat(refused(text)).hasMessageContaining("entity_name}").extracting(Refused::code)
                .isEqualTo("variable_in_authority");
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://a.com:{entity_id}", "https://a.com:{entity_id}/", "https://a.com:80{entity_id}/x",
            "https://{user_name}@a.com/", "https://bob:{user_name}@a.com/", "https://bob:x@{entity_id}/" })
    void refusesVariableInPortAndUserInfo(String text) {
        assertThat(refused(text).code()).isEqualTo("variable_in_authority");
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://a.com{?task_id}.evil.com", "https://a.com{?task_id}.evil.com/x",
            "https://a.com{?task_id}x",
            "https://a.com{?task_id}@evil.com/", "https://a.com{?task_id}:8080/", "https://a.com{?task_id}{entity_name}",
            "https://a.com{?task_id}{&user_id}.evil.com", "https://a.com{?task_id}{?user_id}{entity_name}/",
            "https://{?task_id}a.com/", "maya:{?task_id}//evil/x", "maya:/{?task_id}/evil/x", "maya://{?task_id}open/x",
            "maya://open{?task_id}er/x", "maya:{?task_id}//{entity_id}", "maya:{&task_id}//evil/x", "maya:/{&task_id}/evil/x",
            "maya:{?task_id}{&user_id}//evil" })
    void refusesHostThatChangesWithoutOptionalVariables(String text) {
        assertThat(refused(text)).hasMessageContaining("task_id").extracting(Refused::code)
                .isEqualTo("variable_in_authority");
    }

    @ParameterizedTest
    @ValueSource(strings = { "maya:/{/entity_name}", "https:/{/entity_name}", "maya:{?task_id}/{/entity_name}" })
    void refusesSlashesThatTogetherBeginAnAuthority(String text) {
        assertThat(refused(text).code()).isEqualTo("variable_in_authority");
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://bob@a.com/", "https://bob:pw@a.com/{entity_id}", "https://@a.com/",
            "https://a.com@evil.com",
            "https://a.com:80@evil.com/", "maya://bob:pw@open/x", "https://a.com%2F@evil.com/{entity_id}" })
    void refusesUserInfo(String text) {
        assertThat(refused(text)).hasMessageContaining("@").extracting(Refused::code).isEqualTo("user_info_in_url");
    }

    @ParameterizedTest
    @ValueSource(strings = { "https:", "https://", "http:///x", "https:////evil.com/x", "http:127.0.0.1/", "https:/a.com/",
            "https:{entity_id}", "https:{/entity_id}/x", "https:x{/entity_id}", "HTTP:a.com", "https://?a={entity_id}",
            "https://#x", "https://[/", "https://[::1/x", "https://a]/x", "https:%2f%2f{entity_id}", "https:/%2fevil.com/" })
    void refusesWebAddressWithoutReadableHost(String text) {
        assertThat(refused(text)).hasMessageContaining("https://farm.studio/").extracting(Refused::code)
                .isEqualTo("template_address");
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " -> ", quoteCharacter = '~', textBlock = """
            https://a.com/?password=x                  -> password
            https://a.com/x?a=1&passwd=x               -> passwd
            https://a.com/?token=x&a={entity_id}       -> token
            https://a.com/?api_key=x                   -> api_key
            https://a.com/?APIKEY=x                    -> APIKEY
            https://a.com/?a={entity_id}&Secret=x      -> Secret
            https://a.com/{?entity_id}&access_token=x  -> access_token
            https://a.com/{?entity_id}?access_token=x  -> access_token
            https://a.com/?%74oken=x                   -> token
            https://a.com/?%54%4F%4B%45%4e=x           -> TOKEN
            https://a.com/?+token+=x                   -> token
            https://a.com/?token==                     -> token
            https://a.com/?token=?                     -> token
            https://a.com/?token=;x                    -> token
            https://a.com/?a=1;token=x                 -> token
            https://a.com/;token=x/y                   -> token
            https://a.com/?token={task_id}x            -> token
            https://a.com/?token=x{task_id}            -> token
            https://a.com/?to{&task_id}ken=x           -> token
            https://a.com/#/x?token=x                  -> token
            https://a.com/#access_token=x              -> access_token
            https://a.com?token=x                      -> token
            maya://open?file={entity_id}&token=x       -> token
            maya:open?password=x                       -> password
            krita:?secret=x                            -> secret
            """)
    void refusesSecretWrittenIntoTheUrl(String text, String name) {
        assertThat(refused(text)).hasMessageContaining("\"" + name + "\"").extracting(Refused::code).isEqualTo("secret_in_url");
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://a.com/?token={task_id}", "https://a.com/?token={task_id}&a=1", "https://a.com/?token=",
            "https://a.com/?token=&a=1", "https://a.com/?token", "https://a.com/?token=#x", "https://a.com/token=x",
            "https://a.com/?tokens=x", "https://a.com/?my_token=x", "https://a.com/?a=token", "https://a.com/?a=%26token=x",
            "https://a.com/?%2574oken=x", "maya://open?secret={entity_id}{task_id}", "https://token.com/secret/" })
    void acceptsUrlsWithoutSecrets(String text) {
        assertThat(Template.parse(text).text()).isEqualTo(text);
    }

    @Test
    void refusesInOneSentenceAndWithoutStackTrace() {
        assertThat(refused("https://a.com/{foo}")).hasNoCause().satisfies(refused -> {
            assertThat(refused.getStackTrace()).isEmpty();
            assertThat(refused.getMessage()).endsWith(".");
        });
    }

    @Test
    void quotesPercentSignsUnchanged() {
        assertThat(refused("https://a.com/{%s%d%n}")).hasMessageContaining("{%s%d%n}");
        assertThat(refused("https://%41[/")).hasMessageContaining("https://%41[");
    }

    // ---- Parsing

    @Test
    void returnsTextSchemeAddressAndVariables() {
        Template template = Template.parse("  HTTPS://Farm.Studio:8443/x/{entity_id}{?user_id,task_id*}{&entity_id}\n");
        assertThat(template.text()).isEqualTo("HTTPS://Farm.Studio:8443/x/{entity_id}{?user_id,task_id*}{&entity_id}");
        assertThat(template).hasToString(template.text());
        assertThat(template.scheme()).isEqualTo("https");
        assertThat(template.web()).isTrue();
        assertThat(template.address()).isEqualTo(URI.create("HTTPS://Farm.Studio:8443/"));
        assertThat(template.variables()).containsExactly(Variable.entity_id, Variable.user_id, Variable.task_id);
        assertThatThrownBy(() -> template.variables().clear()).isInstanceOf(UnsupportedOperationException.class);
    }

    @ParameterizedTest
    @CsvSource(nullValues = "null", textBlock = """
            https://a.com,                   https://a.com/,      a.com
            https://a.com?x=1,               https://a.com/,      a.com
            https://a.com#x,                 https://a.com/,      a.com
            https://a.com{/entity_id},       https://a.com/,      a.com
            https://a.com{?entity_id},       https://a.com/,      a.com
            https://a.com{?task_id}{&entity_id}, https://a.com/,  a.com
            https://a.com{?task_id}&x=1,     https://a.com/,      a.com
            https://a.com:/x,                https://a.com:/,     a.com
            http://[::1]:80/,                http://[::1]:80/,    [::1]
            http://127.1/,                   http://127.1/,       null
            https://a%2eb/,                  https://a%2eb/,      null
            https://a%2Fevil.com/,           https://a%2Fevil.com/, null
            https://a.com:x/,                https://a.com:x/,    null
            https://bücher.de/x,             https://bücher.de/,  null
            https://１２７.0.0.1/,            https://１２７.0.0.1/, null
            """)
    void returnsAnAddressWithoutHostForAnInvalidHost(String text, URI address, String host) {
        assertThat(Template.parse(text).address()).isEqualTo(address);
        assertThat(Template.parse(text).address().getHost()).isEqualTo(host);
    }

    @ParameterizedTest
    @ValueSource(strings = { "maya://open?file={entity_name}", "krita:{entity_name}", "javascript:x", "file:///x" })
    void hasAnAddressOnlyForWebUrls(String text) {
        Template template = Template.parse(text);
        assertThat(template.web()).isFalse();
        assertThat(catchThrowableOfType(Refused.class, template::address).code()).isEqualTo("template_address");
    }

    @ParameterizedTest
    @CsvSource({ "{task_id}, TASK", "{entity_id}{?task_type_name}, TASK", "{entity_id}, ENTITY",
            "{user_id}{entity_type}, ENTITY",
            "{production_id}, PRODUCTION", "{?selection*}, PRODUCTION", "x, PRODUCTION", "{sequence_name}, ENTITY",
            "{episode_name}, ENTITY", "{asset_type_name}, ENTITY", "{project_id}{user_email}, PRODUCTION" })
    void hasTheScopeOfItsNarrowestVariable(String path, Scope scope) {
        assertThat(Template.parse("https://a.com/" + path).scope()).isEqualTo(scope);
    }

    @Test
    void knowsVariablesByTheirExactName() {
        for (Variable variable : Variable.values()) {
            assertThat(Variable.named(variable.name())).contains(variable);
            assertThat(Template.parse("https://a.com/{" + variable + "}").variables()).containsExactly(variable);
        }
        assertThat(Variable.named("Entity_ID")).isEmpty();
        assertThat(Variable.named("")).isEmpty();
    }

    @Test
    void equalsTemplatesWithTheSameText() {
        Template template = Template.parse("https://a.com/{entity_id}");
        assertThat(template).isEqualTo(Template.parse(LINK + "run#https://a.com/{entity_id} ")).hasSameHashCodeAs(
                Template.parse(" https://a.com/{entity_id}"));
        assertThat(template).isNotEqualTo(Template.parse("https://a.com/{task_id}")).isNotEqualTo(template.text());
    }

    // ---- Trigger links

    @ParameterizedTest
    @ValueSource(strings = { "https://a.com/{entity_id}", "maya://open?file=/projects/{production_id}/assets/{entity_id}",
            "krita:{entity_name}", "https://a.com/#/x/{task_id}{?selection*}", "https://a.com/%41?a=%7b{entity_id}%7D",
            "https://a.com/é/日本/{entity_name}", "https://a.com/plain" })
    void isExtractedFromATriggerLink(String template) {
        for (String link : List.of(LINK + "run#", LINK + "open#", LINK.replace("https", "HTTP") + "run#",
                "http://localhost:8080/" + LINK.substring(LINK.indexOf("api")).toUpperCase().replace("API/DATA/CUSTOM-ACTIONS",
                        "api/data/custom-actions") + "run#",
                "http://[::1]:80/" + LINK.substring(LINK.indexOf("api")) + "open# ", LINK + "run#" + LINK + "open# ")) {
            assertThat(Template.parse(link + template + "\n").text()).isEqualTo(template);
            assertThat(TriggerLink.unlink(link + template)).isEqualTo(template).isEqualTo(TriggerLink.unlink(template));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " -> ", textBlock = """
            https://a.com/%7Bentity_id%7D        -> https://a.com/{entity_id}
            https://a.com/%7b/entity_id%7d?a=%20 -> https://a.com/{/entity_id}?a=%20
            https://a.com/%257Bx%257D            -> https://a.com/%257Bx%257D
            https://a.com/%7Bx%7D/{entity_id}    -> https://a.com/%7Bx%7D/{entity_id}
            https://a.com/%7Bx%7D/{              -> https://a.com/%7Bx%7D/{
            https://a.com/%7Bx%7D/}              -> https://a.com/%7Bx%7D/}
            """)
    void decodesBracesThatABrowserEncoded(String fragment, String template) {
        assertThat(TriggerLink.unlink(LINK + "run#" + fragment)).isEqualTo(template);
        assertThat(TriggerLink.unlink(fragment)).isEqualTo(fragment);
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://kitsu.studio/api/data/custom-actions/5f1b9d5e/run#https://a.com/",
            "https://kitsu.studio/x/api/data/custom-actions/5f1b9d5e-0c2a-4b43-9c59-0a4a3a6f2e10/run#https://a.com/",
            LINK + "stop#https://a.com/", LINK + "run/#https://a.com/", LINK + "run?x#https://a.com/",
            "https://a.com/#https://b.com/",
            "ftp" + "://kitsu.studio/api/data/custom-actions/5f1b9d5e-0c2a-4b43-9c59-0a4a3a6f2e10/run#https://a.com/" })
    void leavesOtherTextUnchanged(String text) {
        assertThat(TriggerLink.unlink(text)).isEqualTo(text);
    }

    @Test
    void removesAMegabyteOfTriggerLinksAtOnce() {
        assertThat(TriggerLink.unlink((LINK + "run#").repeat(10_000) + "https://a.com/")).isEqualTo("https://a.com/");
    }

    // ---- Filling

    private static final String ID = "4a2f0e3c-6b1d-4c58-8f3e-2d0c9b7a6e51";

    @ParameterizedTest
    @CsvSource(delimiterString = " -> ", textBlock = """
            maya://open?file=/projects/{production_id}/assets/{entity_id} -> maya://open?file=/projects/prod/assets/e-1
            https://api.studio.com/sync/shotgrid?entity={entity_id}&type={entity_type} -> \
            https://api.studio.com/sync/shotgrid?entity=e-1&type=asset
            https://review.studio.com/shot/{entity_id} -> https://review.studio.com/shot/e-1
            https://reporting.studio.com/generate?asset={entity_id}&production={production_id} -> \
            https://reporting.studio.com/generate?asset=e-1&production=prod
            https://your-tool.com/entity?id={entity_id}&type={entity_type} -> https://your-tool.com/entity?id=e-1&type=asset
            maya://open?file={entity_id} -> maya://open?file=e-1
            """)
    void fillsTheExamplesOfKitsu(String text, String url) {
        assertThat(fill(text, Map.of(Variable.entity_id, "e-1", Variable.production_id, "prod", Variable.entity_type, "asset")))
                .isEqualTo(new Url(url));
    }

    /** RFC 6570, sections 3.2.2, 3.2.6, 3.2.8 and 3.2.9, with our variables for var, hello, empty, x, y and list. */
    @ParameterizedTest
    @CsvSource(delimiterString = " -> ", textBlock = """
            {entity_name}                  -> value
            {task_type_name}               -> Hello%20World%21
            {production_name}              -> 50%25
            {user_id,project_id}           -> 1024,768
            {user_id,task_type_name,project_id} -> 1024,Hello%20World%21,768
            {selection}                    -> red,green,blue
            {selection*}                   -> red,green,blue
            {/entity_name}                 -> /value
            {/entity_name,user_id}         -> /value/1024
            {/entity_name,user_id}/here    -> /value/1024/here
            {/selection}                   -> /red,green,blue
            {/selection*}                  -> /red/green/blue
            {?user_id,project_id}          -> ?user_id=1024&project_id=768
            {?user_id,project_id,user_name} -> ?user_id=1024&project_id=768&user_name=
            {?user_id,project_id,task_id}  -> ?user_id=1024&project_id=768
            {?selection}                   -> ?selection=red,green,blue
            {?selection*}                  -> ?selection=red&selection=green&selection=blue
            ?fixed=yes{&user_id}           -> ?fixed=yes&user_id=1024
            ?f{&user_id,project_id,user_name} -> ?f&user_id=1024&project_id=768&user_name=
            ?f{&user_id,project_id,task_id} -> ?f&user_id=1024&project_id=768
            ?f{&selection}                 -> ?f&selection=red,green,blue
            ?f{&selection*}                -> ?f&selection=red&selection=green&selection=blue
            """)
    void expandsAsInRfc6570(String expression, String expansion) {
        assertThat(fill("https://a.com/x" + expression, Map.of(Variable.entity_name, "value", Variable.task_type_name,
                "Hello World!", Variable.production_name, "50%", Variable.user_id, "1024", Variable.project_id, "768",
                Variable.user_name, "", Variable.selection, List.of("red", "green", "blue"))))
                .isEqualTo(new Url("https://a.com/x" + expansion));
    }

    static Stream<String[]> valuesThatBreakNaiveFilling() {
        return Stream.of(new String[][] { { "a b", "a%20b" }, { "&", "%26" }, { "=", "%3D" }, { "#", "%23" }, { "/", "%2F" },
                { "%", "%25" }, { "%2F", "%252F" }, { "%2e%2e", "%252e%252e" }, { "+", "%2B" }, { "\"", "%22" },
                { "\\", "%5C" }, { "\r\n", "%0D%0A" }, { "\t", "%09" }, { "é", "%C3%A9" }, { "日本", "%E6%97%A5%E6%9C%AC" },
                { "😀", "%F0%9F%98%80" }, { "a😀😀b", "a%F0%9F%98%80%F0%9F%98%80b" }, { "'", "%27" }, { "{x}", "%7Bx%7D" },
                { "{entity_name}", "%7Bentity_name%7D" }, { "?", "%3F" }, { "a?b&c=d#e", "a%3Fb%26c%3Dd%23e" }, { "@", "%40" },
                { ":", "%3A" }, { ";", "%3B" }, { ",", "%2C" }, { "//evil.com", "%2F%2Fevil.com" }, { "$1\\1", "%241%5C1" },
                { "\u202e", "%E2%80%AE" }, { "<script>", "%3Cscript%3E" }, { "...", "..." }, { ".a", ".a" }, { "a..b", "a..b" },
                { "-._~", "-._~" }, { " ", "%20" }, { "\u007f", "%7F" }, { "`|^", "%60%7C%5E" },
                { "[]()*!", "%5B%5D%28%29%2A%21" } });
    }

    @ParameterizedTest
    @MethodSource("valuesThatBreakNaiveFilling")
    void encodesValuesWhereverTheyStand(String value, String encoded) {
        for (String text : List.of("https://a.com/x/{entity_name}/y", "https://a.com{/entity_name}",
                "https://a.com/?q={entity_name}",
                "https://a.com/?q={entity_name}&r=1", "https://a.com/{?entity_name}", "https://a.com{?entity_name}",
                "https://a.com/?r=1{&entity_name}", "maya://open?file={entity_name}", "maya://open?file=/p/{entity_name}.ma",
                "krita:{entity_name}", "vscode://file/{entity_name}", "https://a.com/#/{entity_name}",
                "https://a.com/it's{entity_name}'s")) {
            String expected = text.replace("{entity_name}", encoded).replace("{/entity_name}", "/" + encoded)
                    .replace("{?entity_name}", "?entity_name=" + encoded).replace("{&entity_name}", "&entity_name=" + encoded);
            assertThat(fill(text, Map.of(Variable.entity_name, value))).isEqualTo(new Url(expected));
            assertThat(URI.create(expected)).isNotNull();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://a.com/{entity_name}", "https://a.com{/entity_name}", "https://a.com/?q={entity_name}",
            "https://a.com/{?entity_name}", "https://a.com/{?task_id}{&entity_name}", "maya://open?file={entity_name}" })
    void refusesValuesWithInvalidCharacters(String text) {
        for (String value : List.of("\0", "a\0b", "\ud83d", "a\ud83d", "\ude00", "\ude00\ud83d", "😀\ud83d", "\ud83dx")) {
            assertThat(fill(text, Map.of(Variable.entity_name, value))).isEqualTo(new Unsafe(Variable.entity_name));
        }
    }

    @Test
    void refusesIdsWithInvalidCharacters() {
        assertThat(fill("https://a.com/{?selection*}", Map.of(Variable.selection, List.of("a", "\0"))))
                .isEqualTo(new Unsafe(Variable.selection));
    }

    @Test
    void encodesLiteralsThatAreNotAscii() {
        assertThat(fill("https://bücher.de/é/日本/😀{/entity_name}?ñ=ü{&entity_name}#ß", Map.of(Variable.entity_name, "o")))
                .isEqualTo(
                        new Url("https://b%C3%BCcher.de/%C3%A9/%E6%97%A5%E6%9C%AC/%F0%9F%98%80/o"
                                + "?%C3%B1=%C3%BC&entity_name=o#%C3%9F"));
    }

    @Test
    void fillsATemplateWithoutVariables() {
        assertThat(fill("https://a.com/../x?a=./b", Map.of())).isEqualTo(new Url("https://a.com/../x?a=./b"));
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " -> ", textBlock = """
            {entity_name}                   -> entity_name
            {/entity_name}                  -> entity_name
            {entity_id}{/entity_name}       -> entity_name
            {entity_id,entity_name}         -> entity_name
            {/entity_name,sequence_name}    -> entity_name
            {sequence_name}{entity_name}    -> sequence_name
            {?entity_name}/{sequence_name}  -> sequence_name
            {?entity_name}/{entity_name}    -> entity_name
            {selection}                     -> selection
            {/selection*}                   -> selection
            """)
    void namesTheFirstVariableThatIsMissing(String path, Variable missing) {
        String text = "https://a.com/" + path;
        assertThat(fill(text, Map.of(Variable.entity_id, "e-1"))).isEqualTo(new Missing(missing));
        assertThat(fill(text, Map.of(Variable.entity_id, "e-1", missing, missing == Variable.selection ? List.of() : "")))
                .isEqualTo(new Missing(missing));
    }

    @Test
    void treatsAListWithAnEmptyIdInAPathAsMissing() {
        List<String> ids = List.of("", "evil.com");
        for (String path : List.of("{/selection*}", "{selection}", "x{/selection}")) {
            assertThat(fill("https://a.com/" + path, Map.of(Variable.selection, ids)))
                    .isEqualTo(new Missing(Variable.selection));
        }
        assertThat(fill("krita:{/selection*}", Map.of(Variable.selection, ids))).isEqualTo(new Missing(Variable.selection));
        assertThat(fill("https://a.com/{?selection*}", Map.of(Variable.selection, ids)))
                .isEqualTo(new Url("https://a.com/?selection=&selection=evil.com"));
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " -> ", textBlock = """
            https://a.com{?task_id} -> https://a.com -> https://a.com?task_id=t
            https://a.com/{?task_id}#x -> https://a.com/#x -> https://a.com/?task_id=t#x
            https://a.com/{?task_id,user_id} -> https://a.com/?user_id=u -> https://a.com/?task_id=t&user_id=u
            https://a.com/?a=1{?task_id} -> https://a.com/?a=1 -> https://a.com/?a=1&task_id=t
            https://a.com/{&task_id} -> https://a.com/ -> https://a.com/?task_id=t
            https://a.com/{?task_id}{&user_id} -> https://a.com/?user_id=u -> https://a.com/?task_id=t&user_id=u
            https://a.com{?task_id}{&user_id} -> https://a.com?user_id=u -> https://a.com?task_id=t&user_id=u
            https://a.com/{?task_id}{?user_id} -> https://a.com/?user_id=u -> https://a.com/?task_id=t&user_id=u
            https://a.com/{&task_id}{?user_id} -> https://a.com/?user_id=u -> https://a.com/?task_id=t&user_id=u
            https://a.com/?{?task_id} -> https://a.com/? -> https://a.com/?task_id=t
            https://a.com/?{&task_id} -> https://a.com/? -> https://a.com/?task_id=t
            https://a.com/?a=1&{&task_id} -> https://a.com/?a=1& -> https://a.com/?a=1&task_id=t
            https://a.com/?a=1&{?task_id} -> https://a.com/?a=1& -> https://a.com/?a=1&task_id=t
            https://a.com/{?task_id}&a=1 -> https://a.com/?a=1 -> https://a.com/?task_id=t&a=1
            https://a.com{?task_id}&a=1 -> https://a.com?a=1 -> https://a.com?task_id=t&a=1
            https://a.com/{?task_id}?a=1 -> https://a.com/?a=1 -> https://a.com/?task_id=t&a=1
            https://a.com/?{?task_id}&a=1 -> https://a.com/?a=1 -> https://a.com/?task_id=t&a=1
            https://a.com/?a={user_id}&b{&task_id} -> https://a.com/?a=u&b -> https://a.com/?a=u&b&task_id=t
            https://a.com/?b=1#/x{?task_id} -> https://a.com/?b=1#/x -> https://a.com/?b=1#/x?task_id=t
            https://a.com/#/x?b=1{?task_id} -> https://a.com/#/x?b=1 -> https://a.com/#/x?b=1&task_id=t
            maya:{?task_id} -> maya: -> maya:?task_id=t
            maya://open{?task_id,user_id} -> maya://open?user_id=u -> maya://open?task_id=t&user_id=u
            """)
    void leavesOutMissingQueryVariablesAndCorrectsTheSeparators(String text, String without, String with) {
        assertThat(fill(text, Map.of(Variable.user_id, "u"))).isEqualTo(new Url(without));
        assertThat(fill(text, Map.of(Variable.user_id, "u", Variable.task_id, "t"))).isEqualTo(new Url(with));
    }

    // ---- Paths

    @ParameterizedTest
    @ValueSource(strings = { "https://a.com/{entity_name}", "https://a.com/{entity_name}/x", "https://a.com{/entity_name}",
            "https://a.com{/entity_name}/x", "https://a.com/{entity_name}?a=1", "https://a.com/{entity_name}#a",
            "https://a.com/{entity_name}{?sequence_name}", "https://a.com/{entity_name};v=1/x",
            "https://a.com/#/{entity_name}/x",
            "https://a.com/?file=/projects/{entity_name}/x", "https://a.com/?file=/projects/{entity_name}&a=1",
            "https://a.com/?file=%2Fprojects%2f{entity_name}%2fx", "https://a.com/?file=C:%5C{entity_name}%5cx",
            "https://a.com/?file={entity_name}/x", "maya://open?file=/projects/{entity_name}/x", "maya://open/{entity_name}",
            "maya://open?file={entity_name}/x", "krita:{entity_name}/x", "krita:/{entity_name}", "vscode://file/{entity_name}",
            "https://a.com{/sequence_name,entity_name}", "https://a.com{/entity_name,sequence_name}" })
    void refusesDotSegments(String text) {
        for (String dots : List.of(".", "..")) {
            assertThat(fill(text, Map.of(Variable.entity_name, dots, Variable.sequence_name, "ok")))
                    .isEqualTo(new Unsafe(Variable.entity_name));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://a.com/{entity_name}{sequence_name}/x", "https://a.com/.{entity_name}/x",
            "https://a.com/{entity_name}./x", "https://a.com/%2e{entity_name}/x", "https://a.com/{entity_name}%2E",
            "https://a.com/?f=/p/.{entity_name}&b", "maya://open?file=/p/%2E{entity_name}/x" })
    void refusesDotSegmentsFromSeveralPieces(String text) {
        assertThat(fill(text, Map.of(Variable.entity_name, ".", Variable.sequence_name, ".")))
                .isEqualTo(new Unsafe(Variable.entity_name));
    }

    @ParameterizedTest
    @ValueSource(strings = { "../x", "x/..", "x/../y", "../../etc/passwd", "..\\x", "x\\..\\y", "./x", "x/./y", "/..",
            "/../x" })
    void refusesPathTraversalInValues(String value) {
        for (String text : List.of("https://a.com/{entity_name}", "https://a.com/x/{entity_name}/y",
                "https://a.com/{?entity_name}",
                "https://a.com/?f={entity_name}", "maya://open?file=/p/{entity_name}/x", "krita:{entity_name}")) {
            assertThat(fill(text, Map.of(Variable.entity_name, value))).isEqualTo(new Unsafe(Variable.entity_name));
        }
    }

    @ParameterizedTest
    @CsvSource({ "{entity_name}.., x/", "..{entity_name}, /x", "{entity_name}./x, a/." })
    void refusesDotSegmentsBesideAnEncodedSlash(String path, String value) {
        assertThat(fill("https://a.com/p/" + path, Map.of(Variable.entity_name, value)))
                .isEqualTo(new Unsafe(Variable.entity_name));
    }

    @Test
    void namesTheVariableOfADotSegment() {
        assertThat(fill("https://a.com{/entity_name}{/selection*}/x", Map.of(Variable.entity_name, "a", Variable.selection,
                List.of("b", "..", "c")))).isEqualTo(new Unsafe(Variable.selection));
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " -> ", textBlock = """
            https://a.com/?q={entity_name}      -> ..   -> https://a.com/?q=..
            https://a.com/{?entity_name}        -> .    -> https://a.com/?entity_name=.
            https://a.com/?q={entity_name}&a=/x -> ..   -> https://a.com/?q=..&a=/x
            https://a.com/x{entity_name}        -> ..   -> https://a.com/x..
            https://a.com/{entity_name}x        -> ..   -> https://a.com/..x
            https://a.com/{entity_name}         -> ...  -> https://a.com/...
            https://a.com/{entity_name}         -> .x   -> https://a.com/.x
            https://a.com/{entity_name}.        -> ..   -> https://a.com/...
            https://a.com/{entity_name}         -> v1.2 -> https://a.com/v1.2
            https://a.com/{entity_name}         -> %2e  -> https://a.com/%252e
            https://a.com/../{entity_name}      -> x    -> https://a.com/../x
            https://a.com/{entity_name}/../y    -> x    -> https://a.com/x/../y
            https://a.com/..{?entity_name}      -> x    -> https://a.com/..?entity_name=x
            https://a.com/..{/entity_name}      -> x    -> https://a.com/../x
            krita:{entity_name}                 -> ..   -> krita:..
            """)
    void acceptsDotsThatAreNoSegment(String text, String value, String url) {
        assertThat(fill(text, Map.of(Variable.entity_name, value))).isEqualTo(new Url(url));
    }

    // ---- Attacks

    @ParameterizedTest
    @CsvSource(delimiterString = " -> ", textBlock = """
            http://a{/entity_name}@b          -> http://a/@evil.com@b
            http://a.com{/entity_name}.b.com  -> http://a.com/@evil.com.b.com
            http://a.com{?entity_name}/x      -> http://a.com?entity_name=@evil.com/x
            http://a.com/{entity_name}        -> http://a.com/@evil.com
            maya:{entity_name}                -> maya:@evil.com
            maya:{/entity_name}/x             -> maya:/@evil.com/x
            maya:%2f%2f{entity_name}          -> maya:%2f%2f@evil.com
            maya:///{entity_name}             -> maya:///@evil.com
            maya://{/entity_name}             -> maya:///@evil.com
            maya:x//{entity_name}             -> maya:x//@evil.com
            """)
    void keepsTheHostWhateverTheValue(String text, String url) {
        assertThat(fill(text, Map.of(Variable.entity_name, "@evil.com"))).isEqualTo(new Url(url.replaceFirst("@e", "%40e")));
    }

    /**
     * Parses templates made of random pieces. Each accepted template must fill to a URL that Java can parse and whose host
     * and scheme are the vetted ones.
     */
    @Test
    void keepsTheHostOfEveryAcceptedTemplate() {
        List<String> pieces = List.of("/", "//", ":", "?", "&", "#", "@", ".", "..", "%2e", "%2F", "a.com", "x", "=", "[", "]",
                "é",
                "{entity_name}", "{/entity_name}", "{?entity_name}", "{&entity_name}", "{?task_id}", "{&task_id}",
                "{/selection*}",
                "{?selection*}", "{?task_id,entity_name}", "evil.com", "8080", ";", "token=");
        List<String> begins = List.of("https://a.com", "https://a.com/", "https:", "http://[::1]:80", "maya:", "maya://",
                "maya://open", "");
        List<String> values = List.of("x", "/", "//evil.com", "@evil.com", ".", "..", "?", "#", ":80", "", "😀", "\\evil.com");
        Random random = new Random(6570);
        int taken = 0;
        for (int i = 0; i < 20_000; i++) {
            StringBuilder text = new StringBuilder(pick(begins, random));
            IntStream.range(0, 1 + random.nextInt(6)).forEach(piece -> text.append(pick(pieces, random)));
            Template template;
            try {
                template = Template.parse(text.toString());
            } catch (Refused refused) {
                assertThat(refused.code()).matches("[a-z_]+");
                continue;
            }
            Map<Variable, Object> given = new HashMap<>();
            given.put(Variable.entity_name, pick(values, random));
            given.put(Variable.selection, List.of(pick(values, random), pick(values, random)));
            if (random.nextBoolean()) {
                given.put(Variable.task_id, pick(values, random));
            }
            if (template.fill(given::get, LONGEST) instanceof Url url) {
                taken++;
                assertThat(url.text()).matches("\\p{ASCII}+").doesNotContain("{", "}", "\\", " ");
                assertThat(url.text()).startsWith(template.scheme() + ":");
                if (template.web()) {
                    URI filled = URI.create(url.text());
                    assertThat(filled.getScheme()).isEqualTo(template.scheme());
                    assertThat(filled.getRawAuthority()).as("%s", template)
                            .isEqualTo(template.address().toASCIIString().replaceAll("^https?://|/$", ""));
                } else if (!template.text().matches("(?s)maya://.*")) {
                    assertThat(url.text()).as("%s", template).doesNotStartWith("maya://");
                }
            }
        }
        assertThat(taken).isGreaterThan(1_000);
    }

    @Test
    void fillsFromManyThreadsAlike() {
        Template template = Template.parse("https://a.com/é/{entity_name}{?selection*,user_name}");
        List<Filled> filled = IntStream.range(0, 20_000).parallel().mapToObj(i -> template.fill(variable -> switch (variable) {
            case entity_name -> "😀" + i;
            case selection -> List.of(ID, "b" + i);
            default -> null;
        }, LONGEST)).toList();
        List<Filled> expected = new ArrayList<>();
        for (int i = 0; i < filled.size(); i++) {
            expected.add(new Url("https://a.com/%C3%A9/%F0%9F%98%80" + i + "?selection=" + ID + "&selection=b" + i));
        }
        assertThat(filled).isEqualTo(expected);
    }

    @Test
    void asksOnceForEachVariableThatItUses() {
        List<Variable> asked = new ArrayList<>();
        Template.parse("https://a.com/{entity_id}/{task_id}{?entity_id,user_id}").fill(variable -> {
            asked.add(variable);
            return "x";
        }, LONGEST);
        assertThat(asked).containsExactly(Variable.entity_id, Variable.task_id, Variable.user_id);
    }

    @ParameterizedTest
    @CsvSource({ "9984, false", "9985, true" })
    void stopsWhenAUrlGetsTooLong(int length, boolean tooLong) {
        Filled filled = fill("https://a.com/{entity_name}/b", Map.of(Variable.entity_name, "x".repeat(length)));

        assertThat(filled instanceof Template.TooLong).isEqualTo(tooLong);
        assertThat(fill("https://a.com/" + "{entity_name}".repeat(140), Map.of(Variable.entity_name, "é".repeat(1_000_000))))
                .isInstanceOf(Template.TooLong.class);
    }

    private static Refused refused(String text) {
        Refused refused = catchThrowableOfType(Refused.class, () -> Template.parse(text));
        assertThat(refused).as("%s is taken", text).isNotNull();
        return refused;
    }

    private static Filled fill(String text, Map<Variable, Object> values) {
        return Template.parse(text).fill(values::get, LONGEST);
    }

    private static String pick(List<String> list, Random random) {
        return list.get(random.nextInt(list.size()));
    }
}
