package studio.actions.address;

import java.util.Arrays;
import java.util.List;

/**
 * The kind of an IP address: public, or for a special purpose. Decides how an entry of the allow list can permit requests to
 * it.
 *
 * @param what the kind in words, like "a private address"
 * @param ranges the addresses of this kind; empty if no range describes them
 */
record AddressKind(Access access, String what, List<AddressRange> ranges) {

    /**
     * How requests to an address can be permitted. PUBLIC: without an entry in the allow list. OPENABLE: by an entry with the
     * address, a range or a name. GUARDED: only by an entry with the exact address and port, since servers there may trust
     * every request from this machine. NEVER: by no entry.
     */
    enum Access {
        PUBLIC,
        OPENABLE,
        GUARDED,
        NEVER
    }

    private static final String LOOPBACK = "a loopback address";
    private static final String METADATA = "a cloud metadata address";
    private static final String EMBEDDED = "an IPv6 address that wraps an IPv4 address";
    private static final String RESERVED = "a reserved address";

    /**
     * Ranges that are not public unicast, from the IANA Special-Purpose Address Registries of October 2025, and metadata
     * addresses of clouds. Narrow ranges stand before wide ones, because the first match counts. Bare numbers in the comments
     * are RFCs.
     */
    private static final AddressKind[] SPECIAL = {
            kind(Access.GUARDED, "an unspecified address", "0.0.0.0/8", "[::]/128"), // RFC 791, 3.2; RFC 4291, 2.5.2
            kind(Access.GUARDED, LOOPBACK, "127.0.0.0/8", "[::1]/128"), // RFC 1122, 3.2.1.3; RFC 4291, 2.5.3
            kind(Access.GUARDED, "a link-local address", "169.254.0.0/16", "[fe80::]/10"), // RFC 3927; 4291; cloud metadata
            kind(Access.GUARDED, METADATA, "100.100.100.200/32", "192.0.0.192/32"), // Alibaba; Oracle
            kind(Access.GUARDED, METADATA, "[fd00:100::100:200]/128", "[fd00:c1::a9fe:a9fe]/128"), // Alibaba; Oracle
            kind(Access.GUARDED, METADATA, "168.63.129.16/32", "[fd20:ce::254]/128"), // Azure; Google
            kind(Access.GUARDED, METADATA, "[fd00:ec2::]/32"), // AWS: ::254; ::23 gives pods their credentials
            kind(Access.GUARDED, METADATA, "[fd00:42::42]/128", "[fd00:a9fe:a9fe::1]/128"), // Scaleway; Akamai
            kind(Access.NEVER, "a multicast address", "224.0.0.0/4", "[ff00::]/8"), // RFC 5771; RFC 4291, 2.7
            kind(Access.NEVER, "the broadcast address", "255.255.255.255/32"), // RFC 919
            kind(Access.NEVER, EMBEDDED, "[::]/96", "[::ffff:0:0:0]/96", "[64:ff9b:1::]/48"), // RFC 4291, 2.5.5.1; 2765; 8215
            kind(Access.NEVER, EMBEDDED, "[2001::]/32", "[2002::]/16"), // RFC 4380, Teredo; RFC 3056, 6to4
            kind(Access.OPENABLE, "a private address", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"), // RFC 1918
            kind(Access.OPENABLE, "a private address", "[fc00::]/7", "[fec0::]/10"), // RFC 4193; RFC 3879, once site-local
            kind(Access.OPENABLE, "a shared address of a provider", "100.64.0.0/10"), // RFC 6598
            kind(Access.OPENABLE, "an address for documentation", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"), // 5737
            kind(Access.OPENABLE, "an address for documentation", "[2001:db8::]/32", "[3fff::]/20"), // RFC 3849; RFC 9637
            kind(Access.OPENABLE, RESERVED, "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4"), // RFC 6890; 2544; 1112
            kind(Access.OPENABLE, RESERVED, "192.88.99.0/24", "192.52.193.0/24", "[2001::]/23"), // RFC 7526; 7450; 2928
            kind(Access.OPENABLE, RESERVED, "[2d00::]/8", "[2e00::]/7", "[3000::]/4"), // IANA: unassigned
            kind(Access.OPENABLE, RESERVED, "192.31.196.0/24", "192.175.48.0/24", "[2620:4f:8000::]/48"), // 7535; 7534 (AS112)
    };

    private static final AddressRange NAT64 = AddressRange.parse("[64:ff9b::]", "96");
    /**
     * The kind of NAT64 ranges, of NAT64 addresses with an IPv4 address that is not public, and of ISATAP addresses. The latter
     * are no range, since they differ in their first 64 bits (RFC 5214, 6.1).
     */
    private static final AddressKind WRAPPED = kind(Access.NEVER, EMBEDDED);
    /**
     * The kind of all IPv6 addresses outside 2000::/3 (IANA IPv6 Global Unicast Assignments) that no other kind contains, such
     * as 100::/64 (RFC 6666) and 5f00::/16 (RFC 9602).
     */
    private static final AddressKind UNASSIGNED = kind(Access.OPENABLE, RESERVED);
    private static final AddressKind UNICAST = kind(Access.PUBLIC, "a public address");

    /**
     * Returns the kind of the first special range that contains the whole given range. If there is none, returns
     * {@link #UNICAST}, or {@link #UNASSIGNED} for IPv6 outside 2000::/3.
     */
    static AddressKind of(AddressRange range) {
        // NAT64 leads to the IPv4 address at the end of the IPv6 address, which must be public (RFC 6052, 2.1 and 3.1).
        if (NAT64.contains(range)) {
            return range.bits() == 128 && of(range.embeddedV4()).access == Access.PUBLIC ? UNICAST : WRAPPED;
        }
        if (!range.isV4() && range.bits() >= 96 && (range.low() >>> 32 & ~0x0200_0000) == 0x5efe) {
            return WRAPPED;
        }
        for (AddressKind special : SPECIAL) {
            for (AddressRange wider : special.ranges) {
                if (wider.contains(range)) {
                    return special;
                }
            }
        }
        return range.isV4() || range.high() >>> 61 == 1 ? UNICAST : UNASSIGNED;
    }

    boolean isLoopback() {
        return what.equals(LOOPBACK);
    }

    private static AddressKind kind(Access access, String what, String... cidrs) {
        return new AddressKind(access, what, Arrays.stream(cidrs).map(cidr -> cidr.split("/"))
                .map(parts -> AddressRange.parse(parts[0], parts[1])).toList());
    }
}
