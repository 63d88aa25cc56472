package org.rlkd.core.gsrm;

import java.util.List;

/** Writes a structure in the tag form that {@link StructureParser} reads. */
public final class StructureRenderer {
  private StructureRenderer() {}

  /**
   * {@code [sub-think 1]: ...}, {@code [Query 1]: ...}, {@code [Answer 1]: ...}, a blank line
   * between steps.
   */
  public static String render(Structure structure) {
    StringBuilder text = new StringBuilder();
    List<Step> steps = structure.steps();
    for (int i = 0; i < steps.size(); i++) {
      Step step = steps.get(i);
      int number = i + 1;
      text.append(i == 0 ? "" : "\n\n")
          .append("[sub-think ")
          .append(number)
          .append("]: ")
          .append(step.metaReasoning())
          .append("\n[Query ")
          .append(number)
          .append("]: ")
          .append(step.query())
          .append("\n[Answer ")
          .append(number)
          .append("]: ")
          .append(step.answer());
    }
    return text.toString();
  }
}
