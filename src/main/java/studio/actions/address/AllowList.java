package studio.actions.address;

import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import studio.actions.address.AddressKind.Access;

/** The addresses and names that the operator allows besides public addresses. Immutable. */
final class AllowList {

    static final String SETTING = "CUSTOM_ACTIONS_EGRESS_ALLOW";

    private static final Pattern ENTRY = Pattern.compile("(\\[.*]|[^:/]*)(?:/(\\d+))?(?::(\\d+))?");

    private final List<Entry> entries;

    private AllowList(Stream<Entry> entries) {
        this.entries = entries.toList();
    }

    /**
     * @throws IllegalArgumentException if an entry cannot be read or could never allow anything; the message says which and why
     */
    static AllowList of(List<String> entries) {
        return new AllowList(entries.stream().map(Entry::parse));
    }

    /** Returns a copy of this list with one more entry; throws the same exception as {@link #of}. */
    AllowList and(String entry) {
        return new AllowList(Stream.concat(entries.stream(), Stream.of(Entry.parse(entry))));
    }

    /** Returns a sentence about the first localhost entry for whose port no entry allows a loopback address; else empty. */
    Optional<String> idleEntry() {
        return entries.stream().filter(entry -> entry.isLocalName() && entries.stream().noneMatch(entry::isOpenedBy))
                .findFirst().map(entry -> Entry.flaw(entry.port == 0 ? entry.name : entry.name + ":" + entry.port,
                        "A name alone does not allow loopback: add 127.0.0.1 with its port, like 127.0.0.1:8080."));
    }

    /** Returns true if an entry allows this host at this port: by its name, or, if the host is an address, by this address. */
    boolean opens(Host host, int port) {
        return entries.stream().anyMatch(entry -> entry.isFor(port) && entry.opens(host.text(), host.literal()));
    }

    /** Returns true if an entry allows this address at this port. */
    boolean opens(AddressRange address, int port) {
        return entries.stream().anyMatch(entry -> entry.isFor(port) && entry.opens(null, address));
    }

    /** Returns true if an entry with exactly this port allows this host. */
    boolean opensPort(Host host, int port) {
        return entries.stream().anyMatch(entry -> entry.port == port && entry.opens(host.text(), host.literal()));
    }

    /**
     * An entry of the allow list.
     *
     * @param name the host name; null for a range or an address
     * @param range the range, or the single address; null for a name
     * @param port the only port that the entry allows; 0 for all ports except the ones that always need an entry with the port
     */
    private record Entry(String name, AddressRange range, int port) {

        static Entry parse(String entry) {
            Matcher parts = ENTRY.matcher(entry.strip());
            require(entry, entry.indexOf('*') < 0, "Wildcards are not supported: name each host, or give a range.");
            require(entry, parts.matches(), "Write host and port only: digits for the port, brackets around an IPv6 address.");
            Host host = Host.of(parts.group(1));
            String length = parts.group(2);
            int port = parts.group(3) == null ? 0 : PlainNumber.parse(parts.group(3), 65535);
            require(entry, host.flaw() == null, host.flaw());
            require(entry, parts.group(3) == null || port > 0, "A port is a number from 1 to 65535.");
            if (host.literal() == null && length == null) {
                return new Entry(host.text(), null, port);
            }
            AddressRange range = length == null ? host.literal() : AddressRange.parse(host.text(), length);
            require(entry, range != null, "Only an address has a prefix length: up to 32, for IPv6 up to 128.");
            require(entry, length == null || !range.isV4() || !host.text().startsWith("["), "Write an IPv4 range as IPv4.");
            require(entry, range.equals(range.cut()), "The address has bits set after its prefix; write " + range.cut() + ".");
            AddressKind kind = AddressKind.of(range);
            require(entry, kind.access() != Access.NEVER, "No request may go to " + kind.what() + ".");
            require(entry, kind.access() != Access.GUARDED || port > 0 && length == null,
                    "List " + kind.what() + " alone and with its port, like 127.0.0.1:8080.");
            return new Entry(null, range, port);
        }

        boolean isFor(int asked) {
            return port == asked || port == 0;
        }

        boolean isLocalName() {
            return name != null && Host.isLocal(name);
        }

        /** Returns true if the other entry allows a loopback address at the port of this entry, whose name is localhost. */
        boolean isOpenedBy(Entry other) {
            return other.range != null && other.port > 0 && (port == 0 || port == other.port)
                    && AddressKind.of(other.range).isLoopback();
        }

        boolean opens(String asked, AddressRange address) {
            if (range == null || address == null || !range.contains(address)) {
                return range == null && name.equals(asked);
            }
            Access access = AddressKind.of(address).access();
            return access != Access.NEVER && (access != Access.GUARDED || port != 0 && range.bits() == 128);
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
