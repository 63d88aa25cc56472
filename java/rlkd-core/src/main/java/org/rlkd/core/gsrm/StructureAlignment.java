package org.rlkd.core.gsrm;

import java.util.List;

/**
 * The GSRM reward from judgements; the engine runs it on the {@code structure_alignment} kernel.
 */
public interface StructureAlignment {
  /** Scores all pairs in one call, in the same order. */
  List<AlignmentScore> score(List<AlignmentPair> pairs, AlignmentOptions options);
}
