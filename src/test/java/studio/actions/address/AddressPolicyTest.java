package studio.actions.address;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import studio.actions.address.AddressPolicy.Reason;
import studio.actions.address.AddressPolicy.Refusal;

class AddressPolicyTest {

    private static final AddressPolicy CLOSED = AddressPolicy.of(List.of());

    // Accepted URLs.

    @ParameterizedTest
    @ValueSource(strings = { "https://8.8.8.8/", "https://1.1.1.1", "https://[2606:4700::1111]/",
            "https://[2606:4700::1111]:8443/",
            "https://example.com/", "HTTPS://EXAMPLE.com./hook?x=1#y", "https://example.com:443/",
            "https://example.com:8443/a@b",
            "https://a-b--c.example.com/", "https://xn--bcher-kva.example/", "https://127.0.0.1.nip.io/",
            "https://1.2.3.4.example.com/", "https://0x7f.example.com/", "https://localhost.example.com/",
            "https://internal.example.com/", "https://my.local-host.com/",
            "https://farm.studio.lan/", "https://[2606:4700::8.8.8.8]/", "https://[64:ff9b::8.8.8.8]/",
            "https://[::ffff:8.8.8.8]/", "https://[::ffff:808:808]/", "https://[2606:4700:0:0:0:0:0:1111]/",
            "https://[2606:4700::200:5efd:a00:1]/", "https://[2606:4700::300:5efe:a00:1]/" })
    void letsPublicHostsPassOverHttps(String url) {
        assertThat(CLOSED.vet(URI.create(url))).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = { "8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8" })
    void letsPublicAnswersPass(String address) {
        assertThat(CLOSED.vet("example.com", 443, List.of(address(address)))).isEmpty();
    }

    // Spelling, scheme, user info, host.

    @ParameterizedTest
    @CsvSource({
            "//127.0.0.1/, SPELLING", "/relative, SPELLING", "example.com, SPELLING", "'', SPELLING",
            "http:127.0.0.1/, SPELLING", "https:example.com, SPELLING", "http:/example.com, SPELLING",
            "https:///example.com/, SPELLING",
            "ftp://example.com/, SCHEME", "gopher://localhost:25/, SCHEME", "file:///etc/passwd, SCHEME",
            "ws://example.com/, SCHEME", "httpx://example.com/, SCHEME", "https+unix://example.com/, SCHEME",
            "javascript:alert(1), SCHEME", "mailto:a@example.com, SCHEME", "jar:https://example.com/x!/y, SCHEME",
            "https://user@example.com/, USER_INFO", "https://user:secret@example.com/, USER_INFO",
            "https://@example.com/, USER_INFO", "https://:@example.com/, USER_INFO",
            "http://example.com@127.0.0.1/, USER_INFO", "http://127.0.0.1%23@example.com/, USER_INFO" })
    void refusesOtherFormsAndSchemesAndUserInfo(String url, Reason reason) {
        assertThat(reason(CLOSED, url)).isEqualTo(reason);
    }

    @ParameterizedTest
    @ValueSource(strings = { "127.1", "127.0.1", "2130706433", "017700000001", "0177.0.0.1", "0177.1", "0x7f.0x0.0x0.0x1",
            "0x7f000001", "0X7F000001", "0x7f.1", "127.0.0.01", "127.0.0.00", "127.0.0.1.", "127.0.0.256", "1.2.3.4.5", "1.2.3",
            "256.1.1.1", "4294967296", "0o177.0.0.1", "foo.123", "foo.0x1f", "foo.0x", "0x", "0", "00", "1.2.3.4.", "8.8.8.8.",
            "08.8.8.8", "8.8.8.0x8", "7147006462", "0251.00376.000251.0000376", "169.16689662", "0xa9fea9fe." })
    void refusesNumbersThatAreNoDottedQuad(String host) {
        assertThat(CLOSED.vet(URI.create("https://" + host + "/"))).hasValueSatisfying(refusal -> {
            assertThat(refusal.reason()).isEqualTo(Reason.HOST);
            assertThat(refusal.sentence()).contains("four numbers");
        });
    }

    @ParameterizedTest
    @ValueSource(strings = { "exa'mple.com", "-a.example.com", "a-.example.com", "a..example.com",
            ".example.com",
            "example.com..", ".", "..", "a..", "example.1com", "exa%6dple.com", "%31%32%37.0.0.1", "example.com%00.evil.com",
            "example.com%2eevil.com", "exa!mple.com", "exa$mple.com", "a~b.com", "a,b.com", "a;b.com", "a'b.com", "a*b.com",
            "a=b.com", "a+b.com", "a&b.com", "(a).com", "a:b.com:443" })
    void refusesOtherCharactersInHosts(String host) {
        assertThat(reason(CLOSED, "https://" + host + "/")).isEqualTo(Reason.HOST);
    }

    @ParameterizedTest
    @ValueSource(strings = { "b\u00fccher.example", "\u24ea\u24e7\u24d0.example", "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
            "127\u30020\u30020\u30021", "example\u3002com", "\u212aitsu.example", "ex\u00adample.com", "127.0.0.\u0661",
            "ex\u202eample.com" })
    void asksForTheAsciiFormOfAName(String host) {
        Refusal refusal = CLOSED.vet(URI.create("https://" + host + "/")).orElseThrow();
        assertThat(refusal.reason()).isEqualTo(Reason.HOST);
        assertThat(refusal.sentence()).contains("xn--").matches("\\p{ASCII}*");
    }

    @ParameterizedTest
    @ValueSource(strings = { "[fe80::1%eth0]", "[fe80::1%25eth0]", "[2606:4700::1111%1]", "[::ffff:0177.0.0.1]",
            "[::ffff:010.0.0.1]",
            "[::ffff:127.0.0.01]" })
    void refusesZonesAndOctalInIpv6(String host) {
        assertThat(reason(CLOSED, "https://" + host + "/")).isEqualTo(Reason.HOST);
    }

    @Test
    void refusesLabelsOver63AndNamesOver253() {
        String label = "a".repeat(63);
        String name = (label + ".").repeat(3) + "b".repeat(57) + ".com";
        assertThat(name).hasSize(253);
        assertThat(reason(CLOSED, "https://" + label + ".com/")).isNull();
        assertThat(reason(CLOSED, "https://" + label + "a.com/")).isEqualTo(Reason.HOST);
        assertThat(reason(CLOSED, "https://" + name + "/")).isNull();
        assertThat(reason(CLOSED, "https://" + name + "./")).isNull();
        assertThat(reason(CLOSED, "https://b" + name + "/")).isEqualTo(Reason.HOST);
    }

    // Ports.

    @ParameterizedTest
    @ValueSource(ints = { 80, 443, 1024, 3000, 5000, 8000, 8080, 8081, 8443, 8888, 9000, 49152, 65535 })
    void letsUsualPortsPass(int port) {
        assertThat(reason(CLOSED, "https://example.com:" + port + "/")).isNull();
    }

    @ParameterizedTest
    @ValueSource(ints = { 1, 21, 22, 23, 25, 53, 79, 81, 110, 111, 135, 139, 143, 389, 442, 444, 445, 587, 636, 873, 993, 1023,
            1433,
            1434, 1521, 2049, 2181, 2375, 2376, 2377, 2379, 2380, 3306, 3389, 5432, 5900, 5901, 5984, 5985, 5986, 6000, 6379,
            6443, 6667, 7199, 8200, 8500, 9042, 9092, 9160, 9200, 9300, 10250, 10255, 11211, 15672, 27017, 27018, 27019, 27100,
            33060, 50000, 61616 })
    void refusesPortsOfDatabasesAndAdminTools(int port) {
        assertThat(reason(CLOSED, "https://example.com:" + port + "/")).isEqualTo(Reason.PORT);
        assertThat(reason(AddressPolicy.of(List.of("example.com")), "http://example.com:" + port + "/")).isEqualTo(Reason.PORT);
        assertThat(reason(AddressPolicy.of(List.of("example.com:" + port)), "http://example.com:" + port + "/")).isNull();
        assertThat(reason(AddressPolicy.of(List.of("10.0.0.0/8:" + port)), "http://10.1.2.3:" + port + "/")).isNull();
        assertThat(reason(AddressPolicy.of(List.of("10.0.0.0/8")), "http://10.1.2.3:" + port + "/")).isEqualTo(Reason.PORT);
    }

    @ParameterizedTest
    @ValueSource(strings = { "", "0", "00", "65536", "99999", "99999999999", "+80", "-1", "080", "0443", "8o", "80%20",
            "\uff18\uff10", "%38%30" })
    void refusesInvalidPorts(String port) {
        assertThat(reason(CLOSED, "https://example.com:" + port + "/")).isEqualTo(Reason.PORT);
        assertThat(reason(CLOSED, "http://example.com:" + port + "/")).isEqualTo(Reason.PORT);
    }

    @ParameterizedTest
    @CsvSource({ "https://example.com/, 443", "HTTPS://example.com/, 443", "http://example.com/, 80",
            "http://example.com:8080/, 8080",
            "https://[2606:4700::1111]:8443/, 8443" })
    void knowsTheEffectivePort(String url, int port) {
        assertThat(AddressPolicy.port(URI.create(url))).isEqualTo(port);
    }

    // Names that are internal by definition.

    @ParameterizedTest
    @ValueSource(strings = { "localhost", "LOCALHOST", "localhost.", "a.localhost", "ip6-localhost", "zou", "db",
            "printer.local",
            "Printer.LOCAL.", "host.docker.internal", "metadata.google.internal", "nas.home.arpa", "home.arpa", "zou.kitsu.svc",
            "zou.kitsu.svc.cluster.local", "localhost.localdomain", "a.b.localdomain", "kubernetes.default.svc", "local",
            "internal", "svc", "com" })
    void refusesNamesThatAreInternalByDefinition(String host) {
        for (String scheme : List.of("https://", "http://")) {
            Refusal refusal = CLOSED.vet(URI.create(scheme + host + "/")).orElseThrow();
            assertThat(refusal.reason()).isEqualTo(Reason.INTERNAL_NAME);
            assertThat(refusal.sentence()).contains("CUSTOM_ACTIONS_EGRESS_ALLOW");
        }
        assertThat(reason(AddressPolicy.of(List.of(host)), "http://" + host + "/")).isNull();
        assertThat(reason(AddressPolicy.of(List.of(host + ":80")), "http://" + host + "/")).isNull();
        assertThat(reason(AddressPolicy.of(List.of(host + ":81")), "http://" + host + "/")).isEqualTo(Reason.INTERNAL_NAME);
        assertThat(reason(AddressPolicy.of(List.of("other." + host)), "http://" + host + "/")).isEqualTo(Reason.INTERNAL_NAME);
    }

    @Test
    void suggestsTheAllowListEntryForLocalhost() {
        assertThat(CLOSED.vet(URI.create("http://localhost:8080/")).orElseThrow().sentence()).contains("add 127.0.0.1:8080 to");
        AddressPolicy opened = AddressPolicy.of(List.of("127.0.0.1:8080"));
        assertThat(reason(opened, "http://127.0.0.1:8080/")).isNull();
        assertThat(opened.vet("127.0.0.1", 8080, List.of(address("127.0.0.1")))).isEmpty();
    }

    // Plain HTTP.

    @ParameterizedTest
    @CsvSource({ "http://example.com/, PLAIN_HTTP", "http://8.8.8.8/, PLAIN_HTTP", "http://[2606:4700::1111]/, PLAIN_HTTP",
            "HTTP://farm.studio.lan:8443/, PLAIN_HTTP",
            "http://example.com:25/, PORT", "http://10.0.0.1/, ADDRESS", "http://localhost/, INTERNAL_NAME",
            "http://127.1/, HOST", "http://10.0.0.1:6379/, ADDRESS", "http://redis:6379/, INTERNAL_NAME" })
    void reportsPlainHttpOnlyIfNothingElseIsWrong(String url, Reason reason) {
        assertThat(reason(CLOSED, url)).isEqualTo(reason);
    }

    @ParameterizedTest
    @CsvSource({
            "farm.studio.lan, http://farm.studio.lan/, true", "farm.studio.lan, http://FARM.studio.lan.:8080/, true",
            "Farm.Studio.LAN., http://farm.studio.lan/, true", "farm.studio.lan:8443, http://farm.studio.lan:8443/, true",
            "farm.studio.lan:8443, http://farm.studio.lan/, false", "farm.studio.lan:80, http://farm.studio.lan/, true",
            "render:443, https://render/, true", "farm.studio.lan, http://a.farm.studio.lan/, false",
            "farm.studio.lan, http://studio.lan/, false", "farm.studio.lan, http://xfarm.studio.lan/, false",
            "10.20.0.5, http://10.20.0.5/, true", "10.20.0.5:9200, http://10.20.0.5:9200/, true",
            "10.20.0.5:9200, http://10.20.0.5:9201/, false", "10.20.0.0/16, http://10.20.255.255/, true",
            "10.20.0.0/16, http://10.21.0.0/, false", "10.20.0.0/16:8080, http://10.20.1.1/, false",
            "10.20.0.0/16:8080, http://10.20.1.1:8080/, true", "[fd12::1], http://[fd12:0::0:1]/, true",
            "[fd12::1]:8080, http://[FD12::1]:8080/, true", "[fd12::]/48, http://[fd12:0:0:ffff::]/, true",
            "[fd12::]/48, http://[fd12:0:1::]/, false", "[fd12::]/48:8080, http://[fd12::1]:8081/, false",
            "[::ffff:10.0.0.1], http://10.0.0.1/, true", "10.0.0.1, http://[::ffff:a00:1]/, true",
            "10.0.0.1, http://[64:ff9b::a00:1]/, false", "10.20.0.0/16, http://farm.studio.lan/, false",
            "8.8.8.0/24, http://8.8.8.8/, true", "[::]/0, http://10.0.0.1/, false", "[::]/0, http://[fd12::1]/, true",
            "0.0.0.0/0, http://[fd12::1]/, false", "0.0.0.0/0, http://127.0.0.1/, false",
            "127.0.0.1:8080, http://127.0.0.1:8080/, true", "127.0.0.1:8080, http://127.0.0.1:8081/, false" })
    void matchesHostsNamedInTheAllowList(String entry, String url, boolean named) {
        AddressPolicy policy = AddressPolicy.of(List.of("other.studio.lan", entry));
        assertThat(policy.vet(URI.create(url)).isEmpty()).isEqualTo(named);
        assertThat(CLOSED.and(entry).vet(URI.create(url)).isEmpty()).isEqualTo(named);
        assertThat(CLOSED.vet(URI.create(url))).isPresent();
    }

    @ParameterizedTest
    @ValueSource(strings = { "mailto:a@b.c", "/path", "http:///x", "http://127.1/", "http://[fe80::1%eth0]/", "http://a_b/" })
    void matchesNoUrlWithoutAValidHost(String url) {
        assertThat(AddressPolicy.of(List.of("0.0.0.0/0", "[::]/0", "farm.studio.lan")).vet(URI.create(url))).isPresent();
    }

    // Address ranges. Columns: the last address before, the first and last address in the range, the first address after.
    // A "-" stands for a neighbour that is special, too.

    @ParameterizedTest
    @CsvSource({
            "-, 0.0.0.0, 0.255.255.255, 1.0.0.0",
            "9.255.255.255, 10.0.0.0, 10.255.255.255, 11.0.0.0",
            "100.63.255.255, 100.64.0.0, 100.127.255.255, 100.128.0.0",
            "-, 100.100.100.200, 100.100.100.200, -",
            "126.255.255.255, 127.0.0.0, 127.255.255.255, 128.0.0.0",
            "168.63.129.15, 168.63.129.16, 168.63.129.16, 168.63.129.17",
            "169.253.255.255, 169.254.0.0, 169.254.255.255, 169.255.0.0",
            "172.15.255.255, 172.16.0.0, 172.31.255.255, 172.32.0.0",
            "191.255.255.255, 192.0.0.0, 192.0.0.255, 192.0.1.0",
            "-, 192.0.0.192, 192.0.0.192, -",
            "192.0.1.255, 192.0.2.0, 192.0.2.255, 192.0.3.0",
            "192.31.195.255, 192.31.196.0, 192.31.196.255, 192.31.197.0",
            "192.52.192.255, 192.52.193.0, 192.52.193.255, 192.52.194.0",
            "192.88.98.255, 192.88.99.0, 192.88.99.255, 192.88.100.0",
            "192.167.255.255, 192.168.0.0, 192.168.255.255, 192.169.0.0",
            "192.175.47.255, 192.175.48.0, 192.175.48.255, 192.175.49.0",
            "198.17.255.255, 198.18.0.0, 198.19.255.255, 198.20.0.0",
            "198.51.99.255, 198.51.100.0, 198.51.100.255, 198.51.101.0",
            "203.0.112.255, 203.0.113.0, 203.0.113.255, 203.0.114.0",
            "223.255.255.255, 224.0.0.0, 239.255.255.255, -",
            "-, 240.0.0.0, 255.255.255.254, -",
            "-, 255.255.255.255, 255.255.255.255, -",
            "-, ::, 0:0:0:0:0:fffe:ffff:ffff, -",
            "-, ::1:0:0:0, 64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff, -",
            "-, 64:ff9b:0:0:0:1::, 1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, 2000::",
            "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff, 2001::, 2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff, 2001:200::",
            "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff, 2001:db8::, 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff, 2001:db9::",
            "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff, 2002::, 2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff, 2003::",
            "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff, 2620:4f:8000::, 2620:4f:8000:ffff:ffff:ffff:ffff:ffff, 2620:4f:8001::",
            "2cff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, 2d00::, 2dff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, -",
            "-, 2e00::, 2fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, -",
            "-, 3000::, 3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff, -",
            "-, 3fff::, 3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff, -",
            "-, 4000::, fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, -",
            "-, 100::, 100:0:0:1:ffff:ffff:ffff:ffff, -",
            "-, 5f00::, 5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff, -",
            "-, fc00::, fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, -",
            "-, fe00::, fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff, -",
            "-, fe80::, febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff, -",
            "-, fec0::, feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, -",
            "-, ff00::, ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, -",
            "2606:4700::5efd:ffff:ffff, 2606:4700::5efe:0:0, 2606:4700::5efe:ffff:ffff, 2606:4700::5eff:0:0",
            "2606:4700::200:5efd:ffff:ffff, 2606:4700::200:5efe:0:0, 2606:4700::200:5efe:ffff:ffff, 2606:4700::200:5eff:0:0" })
    void refusesSpecialRangesFromEdgeToEdge(String before, String first, String last, String after) {
        for (String outside : List.of(before, after)) {
            if (!outside.equals("-")) {
                assertThat(reason(CLOSED, "https://" + literal(outside) + "/")).as(outside).isNull();
                assertThat(CLOSED.vet("example.com", 443, List.of(address(outside)))).as(outside).isEmpty();
            }
        }
        for (String inside : List.of(first, last)) {
            assertThat(reason(CLOSED, "https://" + literal(inside) + "/")).as(inside).isEqualTo(Reason.ADDRESS);
            assertThat(answered(CLOSED, "example.com", 443, inside)).as(inside).isEqualTo(Reason.ADDRESS);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = { "[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::0:1]",
            "[::0.0.0.1]",
            "[::ffff:127.0.0.1]", "[::FFFF:7F00:1]", "[0:0:0:0:0:ffff:7f00:0001]", "[::ffff:127.255.255.255]", "[::127.0.0.1]",
            "[::7f00:1]", "[64:ff9b::7f00:1]", "[64:FF9B::127.0.0.1]", "[0064:ff9b:0:0:0:0:127.0.0.1]", "[64:ff9b:1::7f00:1]",
            "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[fd12::5efe:7f00:1]", "[2606:4700::5efe:127.0.0.1]",
            "[2606:4700::200:5efe:7f00:1]", "[fe80::5efe:7f00:1]", "[::ffff:0:127.0.0.1]", "127.0.0.1", "127.1.2.3", "0.0.0.0",
            "[::]", "[::ffff:0.0.0.0]" })
    void refusesLoopbackInEveryNotation(String host) {
        assertThat(reason(CLOSED, "http://" + host + "/")).isEqualTo(Reason.ADDRESS);
        AddressPolicy wide = AddressPolicy.of(List.of("0.0.0.0/0", "[::]/0", "0.0.0.0/1:80", "[::]/1:80", "localhost"));
        assertThat(reason(wide, "http://" + host + "/")).isEqualTo(Reason.ADDRESS);
    }

    @ParameterizedTest
    @ValueSource(strings = { "169.254.169.254", "169.254.170.2", "169.254.42.42", "100.100.100.200", "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254", "fd00:ec2::23", "fd00:ec2:ffff::1", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:100::100:200",
            "fd00:42::42", "fd00:a9fe:a9fe::1", "fe80::a9fe:a9fe", "127.0.0.1", "127.255.255.255", "::1", "0.0.0.0", "0.1.2.3",
            "::",
            "fe80::1", "febf:ffff::1" })
    void opensLoopbackLinkLocalAndMetadataByExactAddressAndPortOnly(String address) {
        String host = literal(address);
        String url = "http://" + host + ":8080/";
        AddressPolicy wide = AddressPolicy.of(List.of("0.0.0.0/0", "[::]/0", "0.0.0.0/0:8080", "[::]/0:8080", "meta.studio.lan",
                "meta.studio.lan:8080"));
        assertThat(reason(wide, url)).isEqualTo(Reason.ADDRESS);
        assertThat(answered(wide, "meta.studio.lan", 8080, address)).isEqualTo(Reason.ADDRESS);
        AddressPolicy exact = AddressPolicy.of(List.of(host + ":8080"));
        assertThat(reason(exact, url)).isNull();
        assertThat(reason(exact, "http://" + host + "/")).isEqualTo(Reason.ADDRESS);
        assertThat(reason(exact, "https://" + host + ":8081/")).isEqualTo(Reason.ADDRESS);
        assertThat(answered(exact, "meta.studio.lan", 8080, address)).isNull();
        assertThat(answered(exact, "meta.studio.lan", 8081, address)).isEqualTo(Reason.ADDRESS);
        assertThatThrownBy(() -> AddressPolicy.of(List.of(host))).hasMessageContaining("with its port");
        assertThatThrownBy(() -> AddressPolicy.of(List.of(host + (address.contains(":") ? "/128" : "/32") + ":8080")))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = { "224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1", "::7f00:1", "::ffff:0:a00:1",
            "64:ff9b:1::a00:1", "2001:0:a00:1::", "2002:a00:1::", "fd12::5efe:a00:1", "fd12::200:5efe:a00:1" })
    void neverOpensMulticastNorAddressesThatWrapAnother(String address) {
        AddressPolicy wide = AddressPolicy.of(List.of("0.0.0.0/0", "[::]/0", "a.studio.lan", "[fd12::]/16:443"));
        Refusal refusal = wide.vet(URI.create("https://" + literal(address) + "/")).orElseThrow();
        assertThat(refusal.reason()).isEqualTo(Reason.ADDRESS);
        assertThat(refusal.sentence()).contains("write another address").doesNotContain("EGRESS_ALLOW");
        assertThat(answered(wide, "a.studio.lan", 443, address)).isEqualTo(Reason.ADDRESS);
        assertThatThrownBy(() -> AddressPolicy.of(List.of(literal(address) + ":443")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("No request may go to");
    }

    // The allow list.

    @ParameterizedTest
    @CsvSource({
            "10.20.0.5, 10.20.0.5, 443, true", "10.20.0.5, 10.20.0.6, 443, false", "10.20.0.5:8080, 10.20.0.5, 443, false",
            "10.20.0.5:8080, 10.20.0.5, 8080, true", "10.20.0.0/16, 10.20.0.0, 443, true",
            "10.20.0.0/16, 10.20.255.255, 443, true", "10.20.0.0/16, 10.19.255.255, 443, false",
            "10.20.0.0/16, 10.21.0.0, 443, false", "10.20.0.0/16:8080, 10.20.0.1, 8081, false",
            "10.0.0.4/30, 10.0.0.7, 443, true", "10.0.0.4/30, 10.0.0.8, 443, false", "10.0.0.4/30, 10.0.0.3, 443, false",
            "10.0.0.4/31, 10.0.0.5, 443, true", "10.0.0.4/32, 10.0.0.5, 443, false", "10.0.0.4/32, 10.0.0.4, 443, true",
            "[fd12::]/48, fd12::ffff, 443, true", "[fd12::]/48, fd12:0:1::, 443, false",
            "[fd12::]/64, fd12:0:0:1::, 443, false",
            "[fd12::]/64, fd12::ffff:ffff:ffff:ffff, 443, true", "[fd12::]/65, fd12::8000:0:0:0, 443, false",
            "[fd12::]/65, fd12::7fff:ffff:ffff:ffff, 443, true", "[fd12::1], fd12::1, 443, true",
            "[fd12::1], fd12::2, 443, false", "[fd12::2]/127, fd12::3, 443, true", "[fd12::2]/127, fd12::4, 443, false",
            "[::ffff:10.0.0.1], 10.0.0.1, 443, true", "10.0.0.1, ::ffff:10.0.0.1, 443, true",
            "10.0.0.1, 64:ff9b::10.0.0.1, 443, false", "127.0.0.1:443, 64:ff9b::127.0.0.1, 443, false",
            "169.254.169.254:443, 64:ff9b::169.254.169.254, 443, false",
            "10.0.0.0/8, 64:ff9b::9.0.0.1, 443, true", "[::]/0, 10.0.0.1, 443, false", "0.0.0.0/0, fd12::1, 443, false",
            "0.0.0.0/0, 10.0.0.1, 443, true", "0.0.0.0/0, 100.100.100.200, 443, false",
            "100.64.0.0/10, 100.100.100.200, 443, false",
            "100.64.0.0/10, 100.100.100.201, 443, true", "[fc00::]/7, fd00:ec2::254, 443, false",
            "[fc00::]/7, fd20:ce::254, 443, false",
            "[fc00::]/7, fd20:ce::255, 443, true", "192.0.0.0/24, 192.0.0.192, 443, false",
            "240.0.0.0/4, 255.255.255.255, 443, false",
            "240.0.0.0/4, 240.0.0.1, 443, true", "203.0.113.0/24, 203.0.113.6, 443, true", "[fec0::]/10, fec0::1, 443, true",
            "farm.studio.lan, 10.0.0.1, 443, true", "farm.studio.lan, fd12::1, 443, true",
            "farm.studio.lan:8443, 10.0.0.1, 443, false",
            "farm.studio.lan:8443, 10.0.0.1, 8443, true", "FARM.studio.lan., 10.0.0.1, 443, true",
            "studio.lan, 10.0.0.1, 443, false", "farm.studio.lan, 127.0.0.1, 443, false",
            "farm.studio.lan, 169.254.169.254, 443, false", "farm.studio.lan, 64:ff9b::a9fe:a9fe, 443, false" })
    void opensOnlyTheAddressesOfAnEntry(String entry, String address, int port, boolean open) {
        AddressPolicy policy = AddressPolicy.of(List.of(entry));
        assertThat(answered(policy, "farm.studio.lan", port, address)).isEqualTo(open ? null : Reason.ADDRESS);
        assertThat(answered(CLOSED.and("other.studio.lan").and(entry), "Farm.Studio.LAN.", port, address))
                .isEqualTo(open ? null : Reason.ADDRESS);
    }

    @Test
    void refusesAllWhenOneAnswerIsForbidden() {
        AddressPolicy policy = AddressPolicy.of(List.of("farm.studio.lan", "10.20.0.0/16"));
        assertThat(answered(CLOSED, "example.com", 443, "8.8.8.8", "10.0.0.1")).isEqualTo(Reason.ADDRESS);
        assertThat(answered(CLOSED, "example.com", 443, "10.0.0.1", "8.8.8.8")).isEqualTo(Reason.ADDRESS);
        assertThat(answered(CLOSED, "example.com", 443, "8.8.8.8", "2606:4700::1111")).isNull();
        assertThat(answered(policy, "farm.studio.lan", 443, "10.0.0.1", "192.168.0.1", "8.8.8.8")).isNull();
        assertThat(answered(policy, "farm.studio.lan", 443, "10.0.0.1", "127.0.0.1")).isEqualTo(Reason.ADDRESS);
        assertThat(answered(policy, "example.com", 443, "10.20.0.1", "10.21.0.1")).isEqualTo(Reason.ADDRESS);
    }

    @Test
    void refusesNamesWithoutAnAddress() {
        assertThat(answered(CLOSED, "example.com", 443)).isEqualTo(Reason.ADDRESS);
        assertThat(answered(CLOSED.and("example.com"), "example.com", 443)).isEqualTo(Reason.ADDRESS);
    }

    @ParameterizedTest
    @ValueSource(strings = { "", "a b", "127.1", "x\r\ny", "[::1", "fd12::1", "exa~mple", "b\u00fccher" })
    void refusesAnswersForInvalidHosts(String host) {
        Refusal refusal = CLOSED.vet(host, 443, List.of(address("8.8.8.8"))).orElseThrow();
        assertThat(refusal.reason()).isEqualTo(Reason.HOST);
        assertThat(refusal.sentence()).doesNotContainPattern("\\p{Cntrl}");
    }

    @Test
    void checksTheIpv4AddressOfIpv4MappedAnswers() throws UnknownHostException {
        byte[] bytes = new byte[16];
        bytes[10] = bytes[11] = (byte) 0xff;
        bytes[12] = 10;
        InetAddress mapped = Inet6Address.getByAddress("farm", bytes, -1);
        assertThat(mapped).isInstanceOf(Inet6Address.class);
        assertThat(CLOSED.vet("example.com", 443, List.of(mapped))).isPresent();
        assertThat(CLOSED.and("10.0.0.0/24").vet("example.com", 443, List.of(mapped))).isEmpty();
    }

    @Test
    void addsAnEntryWithoutChangingThePolicy() {
        AddressPolicy policy = AddressPolicy.of(List.of("10.0.0.1"));
        AddressPolicy more = policy.and("10.0.0.2:8080");
        assertThat(reason(more, "http://10.0.0.1/")).isNull();
        assertThat(reason(more, "http://10.0.0.2:8080/")).isNull();
        assertThat(reason(policy, "http://10.0.0.2:8080/")).isEqualTo(Reason.ADDRESS);
        assertThatThrownBy(() -> policy.and("*")).isInstanceOf(IllegalArgumentException.class);
    }

    // Wording of refusals.

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "http://10.0.0.5:9200/|10.0.0.5 is a private address, not a public one. If this is meant, add 10.0.0.5:9200 to "
                    + "CUSTOM_ACTIONS_EGRESS_ALLOW.",
            "https://[FD12::1]/|[fd12::1] is a private address, not a public one. If this is meant, add [fd12::1]:443 to "
                    + "CUSTOM_ACTIONS_EGRESS_ALLOW.",
            "https://[fec0::1]/|[fec0::1] is a private address, not a public one. If this is meant, add [fec0::1]:443 to "
                    + "CUSTOM_ACTIONS_EGRESS_ALLOW.",
            "http://redis:6379/|redis is a name inside this machine or network. If this is meant, add redis:6379 to "
                    + "CUSTOM_ACTIONS_EGRESS_ALLOW.",
            "https://example.com:25/|Port 25 is not for web traffic. If this is meant, add example.com:25 to "
                    + "CUSTOM_ACTIONS_EGRESS_ALLOW.",
            "http://example.com/|Use https://. If this is meant, add example.com:80 to CUSTOM_ACTIONS_EGRESS_ALLOW." })
    void suggestsAnEntryThatOpensTheAddress(String url, String sentence) {
        assertThat(CLOSED.vet(URI.create(url)).orElseThrow().sentence()).isEqualTo(sentence);
        String entry = sentence.replaceAll(".* add (\\S+) to .*", "$1");
        assertThat(CLOSED.and(entry).vet(URI.create(url))).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = { "10.99.98.97", "127.0.0.1", "169.254.169.254", "224.0.0.1", "fd12::abcd", "2002:7f00:1::" })
    void doesNotRevealTheAddressBehindAName(String address) {
        String uniform = CLOSED.vet("a.example.com", 443, List.of(address("10.0.0.1"))).orElseThrow().sentence();
        assertThat(uniform).contains("a.example.com").contains("CUSTOM_ACTIONS_EGRESS_ALLOW").doesNotContain("10.0.0.1");
        assertThat(CLOSED.vet("a.example.com", 443, List.of(address(address))).orElseThrow().sentence()).isEqualTo(uniform);
        CLOSED.and("a.example.com").vet("a.example.com", 443, List.of(address(address)))
                .ifPresent(refusal -> assertThat(refusal.sentence()).contains("a.example.com", "with a port")
                        .doesNotContain(address));
    }

    // Bad allow entries.

    @ParameterizedTest
    @CsvSource({
            "*, Wildcards are not supported", "*.studio.lan, Wildcards are not supported",
            "farm*:8080, Wildcards are not supported",
            "10.20.0.5/16, write 10.20.0.0/16.", "10.20.0.0/8:8080, write 10.0.0.0/8.", "10.0.0.1/0, write 0.0.0.0/0.",
            "[fd12::1]/48, write [fd12::]/48.", "[fd12:0:0:1::]/48, write [fd12::]/48.",
            "[fd12:3456:789a::1]/64, write [fd12:3456:789a::]/64.",
            "[fd12::1]/0, write [0::]/0.", "[fd12::3]/127, write [fd12:0:0:0:0:0:0:2]/127.",
            "10.0.0.0/33, Only an address has a prefix length", "[fd12::]/129, Only an address has a prefix length",
            "10.0.0.0/08, Only an address has a prefix length", "farm.studio.lan/24, Only an address has a prefix length",
            "10.0.0.0/, Write host and port only", "10.0.0.0/a, Write host and port only",
            "10.0.0.0/8/8, Write host and port only",
            "10.0.0.0:80/8, Write host and port only",
            "127.1, four numbers", "10.0.0.010, four numbers", "10.0.0, four numbers", "10.0.0.256, four numbers",
            "0x7f000001, four numbers", "2130706433:80, four numbers", "10.0.0.5., four numbers", "10.0/16, four numbers",
            "fd12::1, Write host and port only", "fd12::/48, Write host and port only", "::1, Write host and port only",
            "[fd12::1, Write host and port only", "[fd12::1]x, Write host and port only",
            "[fd12:::1], Write an IPv6 address like",
            "[fe80::1%eth0]:80, Write an IPv6 address like", "[10.0.0.1], Write an IPv6 address like",
            "[abc], Write an IPv6 address like", "[], Write an IPv6 address like", "[fd12::1::2], Write an IPv6 address like",
            "[1:2:3:4:5:6:7], Write an IPv6 address like", "[1:2:3:4:5:6:7:8:9], Write an IPv6 address like",
            "[fd12::12345], Write an IPv6 address like", "[::ffff:010.0.0.1], Write an IPv6 address like",
            "[::ffff:10.0.0.0]/104, Write an IPv4 range as IPv4",
            "[64:ff9b::]/96, No request may go to an IPv6 address that wraps",
            "farm.studio.lan:0, A port is a number", "farm.studio.lan:65536, A port is a number",
            "farm.studio.lan:080, A port is a number",
            "10.0.0.1:999999999999, A port is a number",
            "farm.studio.lan:, Write host and port only", "farm.studio.lan:http, Write host and port only",
            "farm.studio.lan:-1, Write host and port only",
            "https://farm.studio.lan, Write host and port only", "//farm.studio.lan, Write host and port only",
            "user@farm.studio.lan, Write the host in letters", "farm~1.studio.lan, Write the host in letters",
            "farm studio, Write the host in letters", "-farm, Write the host in letters",
            "farm-.lan, Write the host in letters", "a..b, Write the host in letters",
            "'', Write the host in letters", "' ', Write the host in letters", "., Write the host in letters",
            "a.., Write the host in letters",
            ":8080, Write the host in letters", "b\u00fccher.lan, other letters as xn--", "\u212aitsu, other letters as xn--",
            "127.0.0.0/8, alone and with its port", "127.0.0.1, alone and with its port",
            "127.0.0.1/32:80, alone and with its port",
            "127.0.0.0/8:8080, alone and with its port", "[::1], alone and with its port",
            "[::1]/128:80, alone and with its port",
            "169.254.0.0/16, alone and with its port", "169.254.169.254, alone and with its port",
            "169.254.169.254/32:80, alone and with its port", "[fe80::]/10, alone and with its port",
            "[fe80::1], alone and with its port",
            "0.0.0.0, alone and with its port", "0.0.0.0/8, alone and with its port", "[::], alone and with its port",
            "100.100.100.200, alone and with its port", "168.63.129.16, alone and with its port",
            "192.0.0.192, alone and with its port",
            "[fd00:ec2::254], alone and with its port", "[fd00:ec2::]/32:80, alone and with its port",
            "[fd20:ce::254], alone and with its port", "[::ffff:127.0.0.1], alone and with its port",
            "[64:ff9b::7f00:1]:80, No request may go to an IPv6 address that wraps",
            "[64:ff9b::10.0.0.1], No request may go to an IPv6 address that wraps",
            "224.0.0.0/4, No request may go to a multicast address", "224.0.0.1:80, No request may go to a multicast address",
            "239.1.0.0/16, No request may go to a multicast address", "[ff00::]/8, No request may go to a multicast address",
            "255.255.255.255:80, No request may go to the broadcast address",
            "[::]/96, No request may go to an IPv6 address that wraps an IPv4 address",
            "[2002::]/16, No request may go to an IPv6 address that wraps",
            "[2001::]/32, No request may go to an IPv6 address that wraps",
            "[64:ff9b:1::]/48, No request may go to an IPv6 address that wraps",
            "[fd12::5efe:0:0]/96, No request may go to an IPv6 address that wraps" })
    void refusesEntriesThatCannotBeReadOrOpenNothing(String entry, String why) {
        assertThatThrownBy(() -> AddressPolicy.of(List.of("10.0.0.1", entry))).isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("CUSTOM_ACTIONS_EGRESS_ALLOW has '" + entry + "'. ")
                .hasMessageContaining(why)
                .hasMessageContaining("Allowed are 10.20.0.5, [fd12::1], 10.20.0.0/16, [fd12::]/48 and farm.studio.lan");
    }

    @Test
    void doesNotRepeatControlCharactersOfAnEntry() {
        assertThatThrownBy(() -> CLOSED.and("a\r\nb\u001b[0m")).hasMessageContaining("'a??b?[0m'");
    }

    // The SSRF vectors; java.net.URI rejects some of them already.

    @ParameterizedTest
    @MethodSource("vectors")
    void refusesEveryTestVector(String line) {
        URI uri;
        try {
            uri = new URI(line);
        } catch (URISyntaxException e) {
            return; // callers refuse a URL that does not parse
        }
        assertThat(CLOSED.vet(uri)).as(line).hasValueSatisfying(refusal -> {
            assertThat(refusal.reason()).isNotEqualTo(Reason.PLAIN_HTTP);
            assertThat(refusal.sentence()).doesNotContainPattern("\\p{Cntrl}").hasSizeLessThan(400);
        });
        AddressPolicy wide = AddressPolicy.of(List.of("8.0.0.0/8", "farm.studio.lan", "[2606::]/16", "10.255.0.0/16"));
        assertThat(wide.vet(uri)).as(line).isPresent();
    }

    @Test
    void readsAllTestVectors() throws IOException {
        assertThat(vectors()).hasSizeGreaterThan(50).anyMatch(line -> line.contains("\t")).noneMatch(String::isBlank);
    }

    static List<String> vectors() throws IOException {
        return SsrfVectors.read().stream()
                .filter(line -> !line.matches("http://[\\w.-]*nip\\.io/") && !line.contains("dynamic.example")).toList();
    }

    @ParameterizedTest
    @CsvSource({ "127.0.0.1.nip.io, 127.0.0.1", "169.254.169.254.nip.io, 169.254.169.254",
            "customer1.app.localhost.my.company.127.0.0.1.nip.io, 127.0.0.1",
            "s-203.0.113.10-127.0.0.1-123-fs-e.dynamic.example, 127.0.0.1" })
    void refusesNamesThatResolveToInternalAddresses(String host, String address) {
        assertThat(reason(CLOSED, "https://" + host + "/")).isNull();
        assertThat(answered(CLOSED, host, 443, address)).isEqualTo(Reason.ADDRESS);
        assertThat(answered(CLOSED, host, 443, "8.8.8.8", address)).isEqualTo(Reason.ADDRESS);
    }

    private static Reason reason(AddressPolicy policy, String url) {
        return policy.vet(URI.create(url)).map(Refusal::reason).orElse(null);
    }

    private static Reason answered(AddressPolicy policy, String host, int port, String... answers) {
        return policy.vet(host, port, Stream.of(answers).map(AddressPolicyTest::address).toList()).map(Refusal::reason)
                .orElse(null);
    }

    private static String literal(String address) {
        return address.contains(":") ? "[" + address + "]" : address;
    }

    /** Parses a literal address, which needs no name resolution. */
    private static InetAddress address(String literal) {
        try {
            return InetAddress.getByName(literal);
        } catch (UnknownHostException e) {
            throw new AssertionError(e);
        }
    }
}
