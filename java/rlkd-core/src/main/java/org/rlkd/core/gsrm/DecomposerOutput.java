package org.rlkd.core.gsrm;

import java.util.regex.Pattern;

/** What a model that decomposes wrote. */
public final class DecomposerOutput {
  private static final int EXCERPT = 200;

  /** The reference's training data ends every decomposition with it. */
  private static final Pattern CLOSING_TAG = Pattern.compile("\\s*</answer>\\s*$");

  private DecomposerOutput() {}

  /**
   * Reads the steps. An empty output says that the text has no step; one that was cut off, and one
   * without any tag, failed.
   *
   * @param cutOffBy what ended the output before the model did; null = nothing
   */
  public static Decomposition read(String output, String cutOffBy) {
    if (cutOffBy != null) {
      return new Decomposition.Failed(
          "the decomposer's output ended by %s: %s".formatted(cutOffBy, excerpt(output)));
    }
    Structure structure = StructureParser.parse(CLOSING_TAG.matcher(output).replaceFirst(""));
    return structure.steps().isEmpty() && !output.isBlank()
        ? new Decomposition.Failed("the decomposer's output has no step: " + excerpt(output))
        : new Decomposition.Parsed(structure, output);
  }

  private static String excerpt(String output) {
    String line = output.strip().replaceAll("\\s+", " ");
    return line.length() > EXCERPT ? line.substring(0, EXCERPT) + "..." : line;
  }
}
