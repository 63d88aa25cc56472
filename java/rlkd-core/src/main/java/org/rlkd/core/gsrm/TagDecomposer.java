package org.rlkd.core.gsrm;

import java.util.List;

/** {@code tagged}: for reasoning that is already written in tags. Parses, never fails. */
public final class TagDecomposer implements Decomposer {
  @Override
  public String id() {
    return "tagged-1";
  }

  @Override
  public List<Decomposition> decompose(List<Reasoning> reasonings) {
    return reasonings.stream()
        .<Decomposition>map(
            reasoning ->
                new Decomposition.Parsed(StructureParser.parse(reasoning.text()), reasoning.text()))
        .toList();
  }
}
