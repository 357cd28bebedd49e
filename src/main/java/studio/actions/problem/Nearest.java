package studio.actions.problem;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** Suggestions of known names for a misspelled one. */
public final class Nearest {

    private Nearest() {
    }

    /** Finds the candidate with the smallest edit distance; empty if that exceeds both 2 and half of the name's length. */
    public static Optional<String> of(String name, Collection<String> candidates) {
        return candidates.stream().min(Comparator.comparingInt((String candidate) -> levenshtein(candidate, name)))
                .filter(candidate -> levenshtein(candidate, name) <= Math.max(2, name.length() / 2));
    }

    private static int levenshtein(String candidate, String name) {
        String a = candidate.toLowerCase(Locale.ROOT);
        String b = name.toLowerCase(Locale.ROOT);
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int cost = a.charAt(i - 1) == b.charAt(j - 1) ? diagonal : diagonal + 1;
                diagonal = row[j];
                row[j] = Math.min(cost, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
