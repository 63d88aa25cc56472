package org.rlkd.core.gsrm;

/**
 * Result of a {@link StructureAlignment}.
 *
 * @param reward the best path's score, normalised by that path; NaN if the teacher is empty or any
 *     judgement is NaN
 * @param bestLeaf the teacher node at which the best path ends, -1 if the teacher is empty
 */
public record AlignmentScore(double reward, int bestLeaf) {}
