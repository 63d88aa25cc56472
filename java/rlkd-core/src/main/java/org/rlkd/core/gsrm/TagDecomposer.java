package org.rlkd.core.gsrm;

import java.util.List;

/** The decomposer for reasoning that is already written in tags: parses, never fails. */
public final class TagDecomposer implements Decomposer {
  @Override
  public String id() {
    return "tags-1";
  }

  @Override
  public List<Decomposition> decompose(List<String> reasoningTexts) {
    return reasoningTexts.stream()
        .<Decomposition>map(text -> new Decomposition.Parsed(StructureParser.parse(text)))
        .toList();
  }
}
