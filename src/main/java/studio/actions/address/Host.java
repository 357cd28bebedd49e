package studio.actions.address;

import java.util.Locale;

/**
 * The host of a URL or of an entry in the allow list.
 *
 * @param text the host as typed, but in lower case and without a dot at its end
 * @param literal the address; null for a name
 * @param flaw a sentence on how to write the host correctly; null if the host is valid
 */
record Host(String text, AddressRange literal, String flaw) {

    static Host of(String typed) {
        AddressRange literal = AddressRange.parse(typed);
        String text = typed.endsWith(".") ? typed.substring(0, typed.length() - 1) : typed;
        return new Host(text.toLowerCase(Locale.ROOT), literal, literal == null ? flaw(text) : null);
    }

    /** Returns true for localhost and names below it (RFC 6761, 6.3). */
    static boolean isLocal(String name) {
        return ("." + name).endsWith(".localhost");
    }

    private static String flaw(String name) {
        String last = name.substring(name.lastIndexOf('.') + 1);
        if (name.startsWith("[")) {
            return "Write an IPv6 address like [2606:4700::1111], without a zone.";
        }
        // Other parsers read a name whose last part is a number as an address (WHATWG URL Standard, "ends in a number").
        if (PlainNumber.isNumeral(last, 10)
                || last.regionMatches(true, 0, "0x", 0, 2) && PlainNumber.isNumeral("0" + last.substring(2), 16)) {
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
