package org.rlkd.core.text;

import java.util.Collection;
import java.util.Locale;
import java.util.Optional;

/** The known name that a misspelt one most likely meant. */
public final class NearestName {

  private NearestName() {}

  /**
   * Returns the known name with the smallest edit distance (insertions, deletions, replacements and
   * swaps of neighbours, letter case and {@code -} against {@code _} ignored), or nothing when even
   * the best differs in more than a third of its letters (at least 2 are allowed) and neither name
   * contains the other. Ties go to the first in iteration order.
   */
  public static Optional<String> of(String name, Collection<String> known) {
    String wanted = normalise(name);
    String best = null;
    int bestDistance = Integer.MAX_VALUE;
    for (String candidate : known) {
      String normalised = normalise(candidate);
      int distance = distance(wanted, normalised);
      int allowed = Math.max(2, Math.max(wanted.length(), normalised.length()) / 3);
      boolean contained =
          Math.min(wanted.length(), normalised.length()) >= 4
              && (wanted.contains(normalised) || normalised.contains(wanted));
      if ((distance <= allowed || contained) && distance < bestDistance) {
        best = candidate;
        bestDistance = distance;
      }
    }
    return Optional.ofNullable(best);
  }

  /**
   * Returns {@code "; did you mean 'x'?"} for the nearest known name, or an empty string when none
   * is near.
   */
  public static String hint(String name, Collection<String> known) {
    return of(name, known).map(nearest -> "; did you mean '" + nearest + "'?").orElse("");
  }

  private static String normalise(String name) {
    return name.toLowerCase(Locale.ROOT).replace('-', '_');
  }

  /** Optimal string alignment distance. */
  private static int distance(String a, String b) {
    int[][] d = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      d[i][0] = i;
    }
    for (int j = 0; j <= b.length(); j++) {
      d[0][j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      for (int j = 1; j <= b.length(); j++) {
        int replace = d[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        d[i][j] = Math.min(replace, Math.min(d[i - 1][j], d[i][j - 1]) + 1);
        if (i > 1
            && j > 1
            && a.charAt(i - 1) == b.charAt(j - 2)
            && a.charAt(i - 2) == b.charAt(j - 1)) {
          d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
        }
      }
    }
    return d[a.length()][b.length()];
  }
}
