package studio.actions.egress;

import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The addresses that requests may be sent to: public unicast addresses and the entries of the studio's allow list. Judges
 * the URL as written and the addresses that its name resolved to; resolves no names itself. Immutable.
 */
public final class AddressPolicy {

    /** The reason to refuse an address; part of a code that clients see. */
    public enum Reason {
        SPELLING,
        SCHEME,
        USER_INFO,
        HOST,
        PORT,
        INTERNAL_NAME,
        ADDRESS,
        PLAIN_HTTP
    }

    /**
     * A refused address.
     *
     * @param sentence tells the person what to do, and never which addresses a name resolved to
     * @param found the address that a name resolved to, for the operator; null if no resolved address was judged
     */
    public record Refusal(Reason reason, String sentence, InetAddress found) {
    }

    /**
     * How the allow list can open an address. OPENABLE: by address, range or name. GUARDED: only by exact address and port,
     * since such an address lends this machine's identity.
     */
    enum Kind {
        PUBLIC,
        OPENABLE,
        GUARDED,
        NEVER
    }

    private static final String SETTING = "CUSTOM_ACTIONS_EGRESS_ALLOW";
    private static final long MAPPED = 0xffff_0000_0000L;
    private static final String LOOPBACK = "a loopback address";

    private static final String METADATA = "a cloud metadata address";
    private static final String EMBEDDED = "an IPv6 address that wraps an IPv4 address";
    private static final String RESERVED = "a reserved address";

    /**
     * Ranges that are not public unicast, from the IANA Special-Purpose Address Registries of October 2025, and metadata
     * addresses of clouds. Narrow ranges stand before wide ones, because the first match counts.
     */
    private static final Special[] SPECIAL = {
            special(Kind.GUARDED, "an unspecified address", "0.0.0.0/8", "[::]/128"), // RFC 791, 3.2; RFC 4291, 2.5.2
            special(Kind.GUARDED, LOOPBACK, "127.0.0.0/8", "[::1]/128"), // RFC 1122, 3.2.1.3; RFC 4291, 2.5.3
            special(Kind.GUARDED, "a link-local address", "169.254.0.0/16", "[fe80::]/10"), // RFC 3927; 4291; most clouds
            special(Kind.GUARDED, METADATA, "100.100.100.200/32", "192.0.0.192/32"), // Alibaba; Oracle
            special(Kind.GUARDED, METADATA, "[fd00:100::100:200]/128", "[fd00:c1::a9fe:a9fe]/128"), // Alibaba; Oracle
            special(Kind.GUARDED, METADATA, "168.63.129.16/32", "[fd20:ce::254]/128"), // Azure; Google
            special(Kind.GUARDED, METADATA, "[fd00:ec2::]/32"), // AWS: ::254, and ::23, which gives pods their roles
            special(Kind.GUARDED, METADATA, "[fd00:42::42]/128", "[fd00:a9fe:a9fe::1]/128"), // Scaleway; Akamai
            special(Kind.NEVER, "a multicast address", "224.0.0.0/4", "[ff00::]/8"), // RFC 5771; RFC 4291, 2.7
            special(Kind.NEVER, "the broadcast address", "255.255.255.255/32"), // RFC 919
            special(Kind.NEVER, EMBEDDED, "[::]/96", "[::ffff:0:0:0]/96", "[64:ff9b:1::]/48"), // RFC 4291, 2.5.5.1; 2765; 8215
            special(Kind.NEVER, EMBEDDED, "[2001::]/32", "[2002::]/16"), // RFC 4380, Teredo; RFC 3056, 6to4
            special(Kind.OPENABLE, "a private address", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"), // RFC 1918
            special(Kind.OPENABLE, "a private address", "[fc00::]/7", "[fec0::]/10"), // RFC 4193; RFC 3879, once site-local
            special(Kind.OPENABLE, "a shared address of a provider", "100.64.0.0/10"), // RFC 6598
            special(Kind.OPENABLE, "an address for documentation", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"), // 5737
            special(Kind.OPENABLE, "an address for documentation", "[2001:db8::]/32", "[3fff::]/20"), // RFC 3849; RFC 9637
            special(Kind.OPENABLE, RESERVED, "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4"), // RFC 6890; 2544; 1112
            special(Kind.OPENABLE, RESERVED, "192.88.99.0/24", "192.52.193.0/24", "[2001::]/23"), // RFC 7526; 7450; 2928
            special(Kind.OPENABLE, RESERVED, "[2d00::]/8", "[2e00::]/7", "[3000::]/4"), // IANA: unassigned
            special(Kind.OPENABLE, RESERVED, "192.31.196.0/24", "192.175.48.0/24", "[2620:4f:8000::]/48"), // AS112: 7535, 7534
    };

    private static final Range NAT64 = Range.parse("[64:ff9b::]", "96");
    /** For NAT64, and for ISATAP: an interface identifier under any prefix (RFC 5214, 6.1), which no range can describe. */
    private static final Special WRAPPED = special(Kind.NEVER, EMBEDDED);
    /**
     * All other IPv6 addresses outside 2000::/3 (IANA IPv6 Global Unicast Assignments), including 100::/64 (RFC 6666) and
     * 5f00::/16 (RFC 9602).
     */
    private static final Special UNASSIGNED = special(Kind.OPENABLE, RESERVED);
    private static final Special UNICAST = special(Kind.PUBLIC, "a public address");

    /**
     * Suffixes of internal names. Sources: RFC 6761, 6762 and 8375; ICANN's resolution of 29 July 2024 for .internal; custom
     * for .svc and .localdomain.
     */
    private static final String[] INTERNAL = { ".localhost", ".local", ".home.arpa", ".internal", ".svc", ".localdomain" };

    /**
     * Ports of databases, of software that runs machines, clusters and queues, and of "port blocking" in the WHATWG Fetch
     * Standard. In ascending order, for the binary search.
     */
    private static final int[] CLOSED_PORTS = {
            1099, 1433, 1434, 1521, 1526, 1719, 1720, 1723, 1883, 2049, 2181, 2375, 2376, 2377, 2379, 2380, 2483, 2484, 2888,
            3050, 3260, 3306, 3389, 3659, 3888, 4045, 4190, 4194, 4369, 4505, 4506, 4646, 4647, 4648, 5005, 5060, 5061, 5432,
            5433, 5671, 5672, 5900, 5901, 5902, 5903, 5984, 5985, 5986, 6000, 6001, 6379, 6380, 6432, 6443, 6444, 6566, 6665,
            6666, 6667, 6668, 6669, 6679, 6697, 6984, 7000, 7001, 7199, 7473, 7474, 7687, 7946, 8009, 8086, 8091, 8123, 8140,
            8200, 8201, 8300, 8301, 8302, 8500, 8501, 8502, 8503, 8529, 8600, 8983, 9042, 9092, 9093, 9094, 9100, 9142, 9160,
            9200, 9300, 9440, 10000, 10080, 10249, 10250, 10255, 10256, 10257, 10259, 11210, 11211, 15671, 15672, 16379, 25672,
            26257, 26379, 27017, 27018, 27019, 27020, 27100, 28015, 28017, 33060, 50000, 61613, 61614, 61616 };

    private static final Pattern ENTRY = Pattern.compile("(\\[.*]|[^:/]*)(?:/(\\d+))?(?::(\\d+))?");

    private static final Pattern UNDERSCORED = Pattern.compile("([A-Za-z0-9._-]+)(?::(\\d{1,5}))?");

    private final List<Entry> allow;

    private AddressPolicy(Stream<Entry> allow) {
        this.allow = allow.toList();
    }

    /**
     * Creates a policy from the entries of an allow list: {@code 10.20.0.5}, {@code [fd12::1]}, {@code 10.20.0.0/16},
     * {@code [fd12::]/48} or {@code farm.studio.lan}, each with a port or not ({@code farm.studio.lan:8443}). A range opens
     * its addresses, and a name opens the addresses that it resolves to. Loopback, link-local, unspecified and cloud metadata
     * addresses are opened only by an entry with the exact address and port.
     *
     * @throws IllegalArgumentException if an entry cannot be read or could never open anything; says which and why
     */
    public static AddressPolicy of(List<String> allow) {
        return new AddressPolicy(allow.stream().map(Entry::parse));
    }

    /** Returns a sentence about the first entry without an effect; empty if every entry has an effect. */
    public Optional<String> idleEntry() {
        return allow.stream().filter(entry -> entry.isLocalName() && allow.stream().noneMatch(entry::isOpenedBy)).findFirst()
                .map(entry -> Entry.flaw(entry.port == 0 ? entry.name : entry.name + ":" + entry.port,
                        "A name alone does not allow loopback: add 127.0.0.1 with its port, like 127.0.0.1:8080."));
    }

    /** Returns a copy of this policy with one more entry; throws as {@link #of} does. */
    public AddressPolicy and(String entry) {
        return new AddressPolicy(Stream.concat(allow.stream(), Stream.of(Entry.parse(entry))));
    }

    /**
     * Judges a URL as written: spelling, scheme, user info, host, port, literal addresses and names that are internal by
     * definition. Refuses a host that {@link URI}, RFC 3986 and the WHATWG URL Standard ("ends in a number") read differently.
     *
     * @return the refusal; empty if the URL is allowed
     */
    public Optional<Refusal> vet(URI uri) {
        String scheme = uri.getScheme();
        String authority = uri.getRawAuthority();
        boolean plain = "http".equalsIgnoreCase(scheme);
        if (scheme != null && !plain && !scheme.equalsIgnoreCase("https")) {
            return refuse(Reason.SCHEME, "Use https://; the service sends requests over HTTP only.");
        }
        if (scheme == null || authority == null) {
            return refuse(Reason.SPELLING, "Write the URL in full, like https://farm.studio.com/render.");
        }
        if (authority.indexOf('@') >= 0) {
            return refuse(Reason.USER_INFO, "Remove the user info and the @ from the URL; credentials belong in a header.");
        }
        int colon = authority.lastIndexOf(':');
        boolean bare = colon <= authority.lastIndexOf(']');
        int port = bare ? port(uri) : number(authority.substring(colon + 1), 65535);
        if (port < 1) {
            return refuse(Reason.PORT, "Write the port as a number from 1 to 65535, or leave it out together with its colon.");
        }
        String typed = bare ? authority : authority.substring(0, colon);
        Host host = Host.of(typed);
        if (host.flaw != null || !typed.equals(host(uri))) {
            return refuse(Reason.HOST, host.flaw != null ? host.flaw : "Write the host as a plain name or address.");
        }
        boolean listed = lists(host.text, host.literal, port, false);
        if (!listed && host.literal != null && special(host.literal).kind != Kind.PUBLIC) {
            return refuse(Reason.ADDRESS, closed(host, port));
        }
        if (!listed && host.literal == null
                && (host.text.indexOf('.') < 0 || Arrays.stream(INTERNAL).anyMatch(("." + host.text)::endsWith))) {
            return refuse(Reason.INTERNAL_NAME, host.text + " is a name inside this machine or network. " + remedy(host, port));
        }
        boolean usual = port == 80 || port == 443 || port >= 1024 && Arrays.binarySearch(CLOSED_PORTS, port) < 0;
        if (!usual && !lists(host.text, host.literal, port, true)) {
            return refuse(Reason.PORT, "Port " + port + " is not for web traffic. " + remedy(host, port));
        }
        if (plain && !listed) {
            return refuse(Reason.PLAIN_HTTP, "Use https://. " + remedy(host, port));
        }
        return Optional.empty();
    }

    /**
     * Judges the addresses that a URL's host resolved to, after {@link #vet(URI)} allowed the URL. One forbidden address
     * refuses all.
     *
     * @param host the host; an IPv6 literal keeps its brackets
     * @param port the port of the connection
     * @return the refusal; empty if all addresses are allowed
     */
    public Optional<Refusal> vet(String host, int port, List<InetAddress> answers) {
        Host asked = Host.of(host);
        if (asked.flaw != null) {
            return refuse(Reason.HOST, asked.flaw);
        }
        if (answers.isEmpty()) {
            return refuse(Reason.ADDRESS, asked.text + " has no address. Check how it is spelled.");
        }
        boolean byName = asked.literal == null && lists(asked.text, null, port, false);
        for (InetAddress answer : answers) {
            Range address = Range.of(answer);
            Kind kind = special(address).kind;
            if (kind != Kind.PUBLIC && !(byName && kind == Kind.OPENABLE) && !lists(null, address, port, false)) {
                // One wording for every kind of address, so that a caller cannot find out what a name resolves to.
                return Optional.of(new Refusal(Reason.ADDRESS, asked.literal != null ? closed(asked, port)
                        : asked.text + (byName
                                ? " resolves to an address that needs an entry of its own, with a port, in " + SETTING + "."
                                : " resolves to an address that is not public. " + remedy(asked, port)),
                        answer));
            }
        }
        return Optional.empty();
    }

    /** Returns true if the allow list has this URL's host as a name or an address. Plain HTTP is intended then. */
    public boolean names(URI uri) {
        String host = host(uri);
        return host != null && lists(Host.of(host).text, Range.parse(host), port(uri), false);
    }

    /** Returns the host as written; null if there is none. {@link URI} has no host for names with an underscore. */
    public static String host(URI uri) {
        Matcher underscored = underscored(uri);
        return underscored == null ? uri.getHost() : underscored.group(1);
    }

    /** Returns the port of an http or https URL, written or implied. */
    public static int port(URI uri) {
        Matcher underscored = underscored(uri);
        int written = underscored == null ? uri.getPort()
                : underscored.group(2) == null ? -1 : Integer.parseInt(underscored.group(2));
        return written >= 0 ? written : "https".equalsIgnoreCase(uri.getScheme()) ? 443 : 80;
    }

    private static Matcher underscored(URI uri) {
        if (uri.getHost() != null || uri.getRawAuthority() == null || uri.getRawAuthority().indexOf('_') < 0) {
            return null;
        }
        Matcher authority = UNDERSCORED.matcher(uri.getRawAuthority());
        return authority.matches() ? authority : null;
    }

    private boolean lists(String name, Range address, int port, boolean withPort) {
        return allow.stream().anyMatch(entry -> (entry.port == port || entry.port == 0 && !withPort)
                && entry.opens(name, address));
    }

    private static String closed(Host host, int port) {
        Special special = special(host.literal);
        return host.text + " is " + special.what + ", not a public one. "
                + (special.kind == Kind.NEVER ? "No request may go there: write another address." : remedy(host, port));
    }

    /** Suggests 127.0.0.1 for localhost, because no name in the allow list opens loopback. */
    private static String remedy(Host host, int port) {
        boolean local = ("." + host.text).endsWith(".localhost");
        return "If this is meant, " + (local ? "write 127.0.0.1 instead and add 127.0.0.1" : "add " + host.text) + ":" + port
                + " to " + SETTING + ".";
    }

    /**
     * Returns the special range that contains all of a range. If there is none, returns {@link #UNICAST}, or
     * {@link #UNASSIGNED} for IPv6 outside 2000::/3.
     */
    private static Special special(Range range) {
        // RFC 6052, 2.1 and 3.1: NAT64's well-known prefix leads to the embedded IPv4 address, which must be a public one.
        if (NAT64.contains(range)) {
            return range.bits == 128 && special(new Range(0, MAPPED | range.low, 128)).kind == Kind.PUBLIC ? UNICAST : WRAPPED;
        }
        if (!range.v4() && range.bits >= 96 && (range.low >>> 32 & ~0x0200_0000) == 0x5efe) {
            return WRAPPED;
        }
        for (Special special : SPECIAL) {
            if (special.ranges.stream().anyMatch(wider -> wider.contains(range))) {
                return special;
            }
        }
        return range.v4() || range.high >>> 61 == 1 ? UNICAST : UNASSIGNED;
    }

    private static Special special(Kind kind, String what, String... cidrs) {
        return new Special(kind, what, Arrays.stream(cidrs).map(cidr -> cidr.split("/"))
                .map(parts -> Range.parse(parts[0], parts[1])).toList());
    }

    private static Optional<Refusal> refuse(Reason reason, String sentence) {
        return Optional.of(new Refusal(reason, sentence, null));
    }

    /** Parses a plain decimal number; -1 for other text, also for leading zeros, which some parsers read as octal. */
    private static int number(String text, int max) {
        boolean plain = isNumeral(text, 10) && text.length() < 6 && (text.length() == 1 || text.charAt(0) != '0');
        return plain && Integer.parseInt(text) <= max ? Integer.parseInt(text) : -1;
    }

    private static boolean isNumeral(String text, int radix) {
        return !text.isEmpty() && text.chars().allMatch(c -> c < 128 && Character.digit(c, radix) >= 0);
    }

    private record Special(Kind kind, String what, List<Range> ranges) {
    }

    /** A range of addresses by prefix; 128 bits for one address. IPv4 is kept as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2). */
    private record Range(long high, long low, int bits) {

        static Range of(InetAddress address) {
            ByteBuffer bytes = ByteBuffer.wrap(address.getAddress());
            long high = bytes.capacity() == 4 ? 0 : bytes.getLong();
            long low = bytes.capacity() == 4 ? MAPPED | bytes.getInt() & 0xffff_ffffL : bytes.getLong();
            return new Range(high, low, 128);
        }

        /** Parses an address: a dotted quad, or IPv6 in brackets. Returns null for any other text. */
        static Range parse(String host) {
            if (!host.startsWith("[")) {
                return quad(host);
            }
            int colon = host.lastIndexOf(':');
            if (colon < 0 || !host.endsWith("]") || host.chars().anyMatch(c -> c == '%' || c > 126)
                    || host.indexOf('.') >= 0 && quad(host.substring(colon + 1, host.length() - 1)) == null) {
                return null;
            }
            try {
                return of(InetAddress.getByName(host)); // parses or throws, never resolves: brackets and a colon
            } catch (UnknownHostException e) {
                return null;
            }
        }

        private static Range quad(String text) {
            String[] parts = text.split("\\.", -1);
            long quad = 0;
            for (String part : parts) {
                int number = number(part, 255);
                if (number < 0 || parts.length != 4) {
                    return null;
                }
                quad = quad << 8 | number;
            }
            return new Range(0, MAPPED | quad, 128);
        }

        static Range parse(String host, String length) {
            Range address = parse(host);
            boolean v6 = host.startsWith("[");
            int bits = number(length, v6 ? 128 : 32);
            return address == null || bits < 0 ? null : new Range(address.high, address.low, v6 ? bits : bits + 96);
        }

        boolean v4() {
            return high == 0 && low >>> 32 == MAPPED >>> 32;
        }

        boolean contains(Range other) {
            return other.bits >= bits && v4() == other.v4()
                    && ((high ^ other.high) & mask(bits)) == 0 && ((low ^ other.low) & mask(bits - 64)) == 0;
        }

        Range cut() {
            return new Range(high & mask(bits), low & mask(bits - 64), bits);
        }

        private static long mask(int bits) {
            return bits <= 0 ? 0 : bits >= 64 ? -1 : -1L << 64 - bits;
        }

        @Override
        public String toString() {
            return v4() ? "%d.%d.%d.%d/%d".formatted(low >>> 24 & 255, low >>> 16 & 255, low >>> 8 & 255, low & 255, bits - 96)
                    : "[%x:%x:%x:%x:%x:%x:%x:%x]/%d"
                            .formatted(high >>> 48, high >>> 32 & 0xffff, high >>> 16 & 0xffff, high & 0xffff,
                                    low >>> 48, low >>> 32 & 0xffff, low >>> 16 & 0xffff, low & 0xffff, bits)
                            .replaceFirst("(:0)+]", "::]");
        }
    }

    /**
     * The host of a URL or an entry.
     *
     * @param text the host as typed, but in lower case and without a dot at its end
     * @param literal the address; null for a name
     * @param flaw how to write the host correctly; null for a valid host
     */
    private record Host(String text, Range literal, String flaw) {

        static Host of(String typed) {
            Range literal = Range.parse(typed);
            String text = typed.endsWith(".") ? typed.substring(0, typed.length() - 1) : typed;
            return new Host(text.toLowerCase(Locale.ROOT), literal, literal == null ? flaw(text) : null);
        }

        private static String flaw(String name) {
            String last = name.substring(name.lastIndexOf('.') + 1);
            if (name.startsWith("[")) {
                return "Write an IPv6 address like [2606:4700::1111], without a zone.";
            }
            // WHATWG URL Standard, "ends in a number": other parsers read such a name as an address.
            if (isNumeral(last, 10) || last.regionMatches(true, 0, "0x", 0, 2) && isNumeral("0" + last.substring(2), 16)) {
                return "Write an IPv4 address as four numbers from 0 to 255, without leading zeros or a dot at the end.";
            }
            boolean good = name.length() <= 253 && !last.isEmpty()
                    && (last.equals(name) || Character.isLetter(last.charAt(0)));
            for (String label : name.split("\\.", -1)) {
                good &= !label.isEmpty() && label.length() <= 63 && label.charAt(0) != '-' && !label.endsWith("-")
                        && label.chars().allMatch(c -> c == '-' || c == '_' || c < 128 && Character.isLetterOrDigit(c));
            }
            return good ? null
                    : "Write the host in letters, digits, -, _ and . only; other letters as xn--; at most 63 per part.";
        }
    }

    /**
     * An entry of the allow list.
     *
     * @param name null for a range or an address
     * @param range null for a name
     * @param port 0 for every port that is open without an entry
     */
    private record Entry(String name, Range range, int port) {

        static Entry parse(String entry) {
            Matcher parts = ENTRY.matcher(entry.strip());
            require(entry, entry.indexOf('*') < 0, "Wildcards are not supported: name each host, or give a range.");
            require(entry, parts.matches(), "Write host and port only: digits for the port, brackets around an IPv6 address.");
            Host host = Host.of(parts.group(1));
            String length = parts.group(2);
            int port = parts.group(3) == null ? 0 : number(parts.group(3), 65535);
            require(entry, host.flaw == null, host.flaw);
            require(entry, parts.group(3) == null || port > 0, "A port is a number from 1 to 65535.");
            if (host.literal == null && length == null) {
                return new Entry(host.text, null, port);
            }
            Range range = length == null ? host.literal : Range.parse(host.text, length);
            require(entry, range != null, "Only an address has a prefix length: up to 32, for IPv6 up to 128.");
            require(entry, length == null || !range.v4() || !host.text.startsWith("["), "Write an IPv4 range as IPv4.");
            require(entry, range.equals(range.cut()), "The address has bits set after its prefix; write " + range.cut() + ".");
            Special special = special(range);
            require(entry, special.kind != Kind.NEVER, "No request may go to " + special.what + ".");
            require(entry, special.kind != Kind.GUARDED || port > 0 && length == null,
                    "List " + special.what + " alone and with its port, like 127.0.0.1:8080.");
            return new Entry(null, range, port);
        }

        boolean isLocalName() {
            return name != null && ("." + name).endsWith(".localhost");
        }

        /** Returns true if the other entry opens an address that this local name can stand for. */
        boolean isOpenedBy(Entry other) {
            return other.range != null && other.port > 0 && (port == 0 || port == other.port)
                    && special(other.range).what.equals(LOOPBACK);
        }

        boolean opens(String asked, Range address) {
            if (range == null || address == null || !range.contains(address)) {
                return range == null && name.equals(asked);
            }
            Kind kind = special(address).kind;
            return kind != Kind.NEVER && (kind != Kind.GUARDED || port != 0 && range.bits == 128);
        }

        private static void require(String entry, boolean holds, String otherwise) {
            if (!holds) {
                throw new IllegalArgumentException(flaw(entry, otherwise));
            }
        }

        private static String flaw(String entry, String what) {
            return SETTING + " has '" + entry.replaceAll("\\p{Cntrl}", "?") + "'. " + what
                    + " Allowed are 10.20.0.5, [fd12::1], "
                    + "10.20.0.0/16, [fd12::]/48 and farm.studio.lan, with or without a port (farm.studio.lan:8443).";
        }
    }
}
