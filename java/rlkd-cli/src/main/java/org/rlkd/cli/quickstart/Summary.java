package org.rlkd.cli.quickstart;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.rlkd.core.InputException;

/**
 * {@code summary.json}: what came out of a quickstart.
 *
 * @param seconds wall-clock time by stage
 * @param before the cold start
 * @param after the same student after RLKD
 * @param sftClean the cold start after SFT on the clean teacher paths of RL's problems, where that
 *     comparison was asked for
 * @param gsrmStepAccuracy share of held-out steps that the decomposer gives back exactly
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record Summary(
    long seed,
    String size,
    Map<String, Double> seconds,
    Outcome before,
    Outcome after,
    @JsonProperty("sft_clean") Outcome sftClean,
    @JsonProperty("gsrm_step_accuracy") double gsrmStepAccuracy,
    Map<String, String> versions) {

  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  void write(Path file) {
    try {
      Files.writeString(file, JSON.writeValueAsString(this) + "\n");
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(file, e), e);
    }
  }

  /** The table for the terminal. */
  String table() {
    StringBuilder text = new StringBuilder();
    text.append("held-out problems      accuracy  structure    format    pass@k\n");
    row(text, "cold start (SFT)", before);
    row(text, "after RLKD", after);
    if (sftClean != null) {
      row(text, "SFT on clean paths", sftClean);
    }
    text.append(
        "accuracy %+.1f points; decomposer exact on %.1f %% of held-out steps; %.0f s in all\n"
            .formatted(
                100 * (after.accuracy() - before.accuracy()),
                100 * gsrmStepAccuracy,
                seconds.get("total")));
    return text.toString();
  }

  private static void row(StringBuilder text, String name, Outcome outcome) {
    text.append(
        "%-21s  %6.1f %%  %8s  %6.1f %%  %6.1f %%\n"
            .formatted(
                name,
                100 * outcome.accuracy(),
                outcome.structure() == null ? "-" : "%.1f %%".formatted(100 * outcome.structure()),
                100 * outcome.format(),
                100 * outcome.passAtK()));
  }
}
