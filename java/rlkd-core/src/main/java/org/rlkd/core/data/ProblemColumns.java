package org.rlkd.core.data;

/**
 * Where in a row the parts of a problem are.
 *
 * @param prompt column with the problem ({@code dataset_prompt_column}); null = the first that is
 *     there of {@code messages}, {@code prompt}, {@code problem}, {@code question}
 * @param systemPrompt a system message put before every problem that has none ({@code
 *     system_prompt}); null = none
 * @param answerRequired whether a row without answer is an error
 */
public record ProblemColumns(String prompt, String systemPrompt, boolean answerRequired) {
  /** The usual columns, no system prompt, an answer in every row. */
  public static final ProblemColumns DEFAULT = new ProblemColumns(null, null, true);
}
