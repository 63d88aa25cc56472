package org.rlkd.core.gsrm;

import java.util.Objects;

/**
 * What a {@link Decomposer} takes apart.
 *
 * @param problem the statement of the problem; empty where it is not known
 * @param text the reasoning about it, without think tags
 */
public record Reasoning(String problem, String text) {
  public Reasoning {
    Objects.requireNonNull(problem, "problem");
    Objects.requireNonNull(text, "text");
  }

  /** SHA-256 of both parts, hexadecimal: the content's name in caches. */
  public String contentHash() {
    return TeacherTree.contentHash(problem + '\0' + text);
  }
}
