package org.rlkd.engine.training;

import org.rlkd.core.data.Problem;

/**
 * A problem and the tokens that the student continues.
 *
 * @param problem what the rewards score against
 * @param tokens the rendered conversation up to the student's turn
 * @param text the same as text, for {@code completions.jsonl}
 */
public record GrpoPrompt(Problem problem, int[] tokens, String text) {}
