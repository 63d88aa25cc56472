package org.rlkd.core.reward;

import com.fasterxml.jackson.databind.JsonNode;
import org.rlkd.core.InputException;
import org.rlkd.core.data.ProblemReader;
import org.rlkd.core.data.Row;

/**
 * Completions as rows of a file.
 *
 * <ul>
 *   <li>the completion: {@code completion}, else {@code response}; a text, or a list of messages of
 *       which the last counts;
 *   <li>{@code completion_tokens}, {@code truncated}, where they are known;
 *   <li>the problem: {@link ProblemReader#readForScoring}.
 * </ul>
 */
public final class RewardRows {
  private RewardRows() {}

  /**
   * The sample of a row.
   *
   * @throws InputException if it has no completion or a part of another type; file and row are
   *     named
   */
  public static RewardSample read(Row row) {
    JsonNode tokens = row.fields().path("completion_tokens");
    boolean unknown = tokens.isMissingNode() || tokens.isNull();
    if (!unknown
        && !(tokens.isIntegralNumber() && tokens.canConvertToInt() && tokens.intValue() >= 0)) {
      throw new InputException(
          "%s, column completion_tokens: found %s, expected a number of tokens"
              .formatted(row.place(), tokens));
    }
    return new RewardSample(
        ProblemReader.readForScoring(row),
        completion(row),
        unknown ? -1 : tokens.intValue(),
        row.fields().path("truncated").asBoolean(false));
  }

  private static String completion(Row row) {
    JsonNode completion =
        row.fields().has("completion")
            ? row.fields().get("completion")
            : row.fields().path("response");
    if (completion.isArray() && !completion.isEmpty()) {
      completion = completion.get(completion.size() - 1).path("content");
    }
    if (!completion.isTextual()) {
      throw new InputException(
          "%s has no completion: expected a text (or messages) in completion or response, found the columns %s"
              .formatted(
                  row.place(), String.join(", ", (Iterable<String>) row.fields()::fieldNames)));
    }
    return completion.textValue();
  }
}
