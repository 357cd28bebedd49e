package studio.actions.address;

/** Parser of numbers that all URL parsers read alike. */
final class PlainNumber {

    private PlainNumber() {
    }

    /**
     * Parses a decimal number up to {@code max}; -1 for other text, also for leading zeros, which some parsers read as octal.
     */
    static int parse(String text, int max) {
        boolean plain = isNumeral(text, 10) && text.length() < 6 && (text.length() == 1 || text.charAt(0) != '0');
        return plain && Integer.parseInt(text) <= max ? Integer.parseInt(text) : -1;
    }

    static boolean isNumeral(String text, int radix) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) >= 128 || Character.digit(text.charAt(i), radix) < 0) {
                return false;
            }
        }
        return !text.isEmpty();
    }
}
