package studio.actions.address;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;

/**
 * A range of IP addresses with {@code bits} equal first bits; 128 for one address. IPv4 is kept as IPv4-mapped IPv6 (RFC 4291,
 * 2.5.5.2).
 */
record AddressRange(long high, long low, int bits) {

    private static final long MAPPED = 0xffff_0000_0000L;

    static AddressRange of(InetAddress address) {
        ByteBuffer bytes = ByteBuffer.wrap(address.getAddress());
        long high = bytes.capacity() == 4 ? 0 : bytes.getLong();
        long low = bytes.capacity() == 4 ? MAPPED | bytes.getInt() & 0xffff_ffffL : bytes.getLong();
        return new AddressRange(high, low, 128);
    }

    /** Parses an address: a dotted quad, or IPv6 in brackets. Returns null for any other text. */
    static AddressRange parse(String host) {
        if (!host.startsWith("[")) {
            return quad(host);
        }
        int colon = host.lastIndexOf(':');
        if (colon < 0 || !host.endsWith("]") || host.chars().anyMatch(c -> c == '%' || c > 126)
                || host.indexOf('.') >= 0 && quad(host.substring(colon + 1, host.length() - 1)) == null) {
            return null;
        }
        try {
            return of(InetAddress.getByName(host)); // no DNS query: it has brackets and a colon
        } catch (UnknownHostException e) {
            return null;
        }
    }

    private static AddressRange quad(String text) {
        String[] parts = text.split("\\.", -1);
        long quad = 0;
        for (String part : parts) {
            int number = PlainNumber.parse(part, 255);
            if (number < 0 || parts.length != 4) {
                return null;
            }
            quad = quad << 8 | number;
        }
        return new AddressRange(0, MAPPED | quad, 128);
    }

    static AddressRange parse(String host, String length) {
        AddressRange address = parse(host);
        boolean v6 = host.startsWith("[");
        int bits = PlainNumber.parse(length, v6 ? 128 : 32);
        return address == null || bits < 0 ? null : new AddressRange(address.high, address.low, v6 ? bits : bits + 96);
    }

    boolean isV4() {
        return high == 0 && low >>> 32 == MAPPED >>> 32;
    }

    boolean contains(AddressRange other) {
        return other.bits >= bits && isV4() == other.isV4()
                && ((high ^ other.high) & mask(bits)) == 0 && ((low ^ other.low) & mask(bits - 64)) == 0;
    }

    /** Returns the IPv4 address in this address's last 32 bits. */
    AddressRange embeddedV4() {
        return new AddressRange(0, MAPPED | low & 0xffff_ffffL, 128);
    }

    AddressRange cut() {
        return new AddressRange(high & mask(bits), low & mask(bits - 64), bits);
    }

    private static long mask(int bits) {
        return bits <= 0 ? 0 : bits >= 64 ? -1 : -1L << 64 - bits;
    }

    @Override
    public String toString() {
        return isV4() ? "%d.%d.%d.%d/%d".formatted(low >>> 24 & 255, low >>> 16 & 255, low >>> 8 & 255, low & 255, bits - 96)
                : "[%x:%x:%x:%x:%x:%x:%x:%x]/%d"
                        .formatted(high >>> 48, high >>> 32 & 0xffff, high >>> 16 & 0xffff, high & 0xffff,
                                low >>> 48, low >>> 32 & 0xffff, low >>> 16 & 0xffff, low & 0xffff, bits)
                        .replaceFirst("(:0)+]", "::]");
    }
}
