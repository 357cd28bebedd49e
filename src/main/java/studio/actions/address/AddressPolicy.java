package studio.actions.address;

import java.net.InetAddress;
import java.net.URI;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import studio.actions.address.AddressKind.Access;

/**
 * The rule for addresses that requests may be sent to: public unicast addresses and the entries of the studio's allow list.
 * Judges a URL as written and the addresses that its host name resolved to; resolves no names itself. Immutable.
 */
public final class AddressPolicy {

    /** The reason to refuse an address; clients see it in the error code of the field, such as {@code egress_port}. */
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
     * @param sentence tells the person who typed the URL what to do, and never which addresses a name resolved to
     * @param found the refused address that a name resolved to, for the operator's log; null if no resolved address was judged
     */
    public record Refusal(Reason reason, String sentence, InetAddress found) {
    }

    /**
     * Suffixes of names that exist only inside a machine or network. Sources: RFC 6761, 6762 and 8375; ICANN's resolution of 29
     * July 2024 for .internal; common use for .svc and .localdomain.
     */
    private static final String[] INTERNAL = { ".localhost", ".local", ".home.arpa", ".internal", ".svc", ".localdomain" };

    /**
     * Ports above 1023 that need an entry in the allow list: ports of databases, of software that runs machines, clusters and
     * queues, and of "port blocking" in the WHATWG Fetch Standard. In ascending order, for the binary search.
     */
    private static final int[] CLOSED_PORTS = {
            1099, 1433, 1434, 1521, 1526, 1719, 1720, 1723, 1883, 2049, 2181, 2375, 2376, 2377, 2379, 2380, 2483, 2484, 2888,
            3050, 3260, 3306, 3389, 3659, 3888, 4045, 4190, 4194, 4369, 4505, 4506, 4646, 4647, 4648, 5005, 5060, 5061, 5432,
            5433, 5671, 5672, 5900, 5901, 5902, 5903, 5984, 5985, 5986, 6000, 6001, 6379, 6380, 6432, 6443, 6444, 6566, 6665,
            6666, 6667, 6668, 6669, 6679, 6697, 6984, 7000, 7001, 7199, 7473, 7474, 7687, 7946, 8009, 8086, 8091, 8123, 8140,
            8200, 8201, 8300, 8301, 8302, 8500, 8501, 8502, 8503, 8529, 8600, 8983, 9042, 9092, 9093, 9094, 9100, 9142, 9160,
            9200, 9300, 9440, 10000, 10080, 10249, 10250, 10255, 10256, 10257, 10259, 11210, 11211, 15671, 15672, 16379, 25672,
            26257, 26379, 27017, 27018, 27019, 27020, 27100, 28015, 28017, 33060, 50000, 61613, 61614, 61616 };

    private static final Pattern UNDERSCORED = Pattern.compile("([A-Za-z0-9._-]+)(?::(\\d{1,5}))?");

    private final AllowList allow;

    private AddressPolicy(AllowList allow) {
        this.allow = allow;
    }

    /**
     * Creates a policy from the entries of an allow list: {@code 10.20.0.5}, {@code [fd12::1]}, {@code 10.20.0.0/16},
     * {@code [fd12::]/48} or {@code farm.studio.lan}, each with or without a port ({@code farm.studio.lan:8443}). A range
     * allows its addresses, and a name allows the addresses that it resolves to. Loopback, link-local, unspecified and cloud
     * metadata addresses are allowed only by an entry with the exact address and port.
     *
     * @throws IllegalArgumentException if an entry cannot be read or could never allow anything; the message says which and why
     */
    public static AddressPolicy of(List<String> allow) {
        return new AddressPolicy(AllowList.of(allow));
    }

    /** Returns a sentence about the first localhost entry for whose port no entry allows a loopback address; else empty. */
    public Optional<String> idleEntry() {
        return allow.idleEntry();
    }

    /** Returns a copy of this policy with one more entry in the allow list; throws the same exception as {@link #of}. */
    public AddressPolicy and(String entry) {
        return new AddressPolicy(allow.and(entry));
    }

    /**
     * Judges a URL as written: spelling, scheme, user info, host, port, literal addresses and names that are internal by
     * definition. Refuses a host that {@link URI}, RFC 3986 and the WHATWG URL Standard ("ends in a number") would read as
     * different hosts.
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
        int port = bare ? port(uri) : PlainNumber.parse(authority.substring(colon + 1), 65535);
        if (port < 1) {
            return refuse(Reason.PORT, "Write the port as a number from 1 to 65535, or leave it out together with its colon.");
        }
        String typed = bare ? authority : authority.substring(0, colon);
        Host host = Host.of(typed);
        if (host.flaw() != null || !typed.equals(host(uri))) {
            return refuse(Reason.HOST, host.flaw() != null ? host.flaw() : "Write the host as a plain name or address.");
        }
        boolean listed = allow.opens(host, port);
        if (!listed && host.literal() != null && AddressKind.of(host.literal()).access() != Access.PUBLIC) {
            return refuse(Reason.ADDRESS, closed(host, port));
        }
        if (!listed && host.literal() == null
                && (host.text().indexOf('.') < 0 || Arrays.stream(INTERNAL).anyMatch(("." + host.text())::endsWith))) {
            return refuse(Reason.INTERNAL_NAME,
                    host.text() + " is a name inside this machine or network. " + remedy(host, port));
        }
        boolean usual = port == 80 || port == 443 || port >= 1024 && Arrays.binarySearch(CLOSED_PORTS, port) < 0;
        if (!usual && !allow.opensPort(host, port)) {
            return refuse(Reason.PORT, "Port " + port + " is not for web traffic. " + remedy(host, port));
        }
        if (plain && !listed) {
            return refuse(Reason.PLAIN_HTTP, "Use https://. " + remedy(host, port));
        }
        return Optional.empty();
    }

    /**
     * Judges the addresses that a URL's host resolved to, after {@link #vet(URI)} allowed the URL. If one address is forbidden,
     * refuses the host.
     *
     * @param host the host; an IPv6 literal keeps its brackets
     * @param port the port of the connection
     * @return the refusal; empty if all addresses are allowed
     */
    public Optional<Refusal> vet(String host, int port, List<InetAddress> answers) {
        Host asked = Host.of(host);
        if (asked.flaw() != null) {
            return refuse(Reason.HOST, asked.flaw());
        }
        if (answers.isEmpty()) {
            return refuse(Reason.ADDRESS, asked.text() + " has no address. Check how it is spelled.");
        }
        boolean byName = asked.literal() == null && allow.opens(asked, port);
        for (InetAddress answer : answers) {
            AddressRange address = AddressRange.of(answer);
            Access access = AddressKind.of(address).access();
            if (access != Access.PUBLIC && !(byName && access == Access.OPENABLE) && !allow.opens(address, port)) {
                // The same sentence for every kind of address, so that a caller cannot find out what a name resolves to.
                return Optional.of(new Refusal(Reason.ADDRESS, asked.literal() != null ? closed(asked, port)
                        : asked.text() + (byName
                                ? " resolves to an address that needs an entry of its own, with a port, in "
                                        + AllowList.SETTING + "."
                                : " resolves to an address that is not public. " + remedy(asked, port)),
                        answer));
            }
        }
        return Optional.empty();
    }

    /**
     * Returns a URL's host as written; null if there is none. For a name with an underscore, {@link URI} itself returns no
     * host.
     */
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

    private static String closed(Host host, int port) {
        AddressKind kind = AddressKind.of(host.literal());
        return host.text() + " is " + kind.what() + ", not a public one. "
                + (kind.access() == Access.NEVER ? "No request may go there: write another address." : remedy(host, port));
    }

    /** Says how to allow a host. For localhost, suggests 127.0.0.1, because no name in the allow list opens loopback. */
    private static String remedy(Host host, int port) {
        boolean local = Host.isLocal(host.text());
        return "If this is meant, " + (local ? "write 127.0.0.1 instead and add 127.0.0.1" : "add " + host.text()) + ":" + port
                + " to " + AllowList.SETTING + ".";
    }

    private static Optional<Refusal> refuse(Reason reason, String sentence) {
        return Optional.of(new Refusal(reason, sentence, null));
    }
}
