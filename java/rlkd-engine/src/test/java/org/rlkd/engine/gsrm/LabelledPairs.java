package org.rlkd.engine.gsrm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.rlkd.core.gsrm.Aspect;
import org.rlkd.core.gsrm.Step;
import org.rlkd.core.gsrm.StepPair;

/** The labelled step pairs of step-pairs.jsonl; what they are stands in docs/gsrm.md. */
final class LabelledPairs {
  private LabelledPairs() {}

  /**
   * A pair of steps.
   *
   * @param calibration whether thresholds may be fitted on it; else it is for testing
   * @param kind how the pair was made
   * @param labels by the order of {@link Aspect}: whether they agree; null = not labelled
   */
  record LabelledPair(boolean calibration, String kind, StepPair pair, List<Boolean> labels) {
    Boolean label(Aspect aspect) {
      return labels.get(aspect.ordinal());
    }
  }

  static List<LabelledPair> all() {
    List<LabelledPair> pairs = new ArrayList<>();
    ObjectMapper json = new ObjectMapper();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                LabelledPairs.class.getResourceAsStream("step-pairs.jsonl"),
                StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        JsonNode row = json.readTree(line);
        List<Boolean> labels = new ArrayList<>();
        row.get("labels").forEach(label -> labels.add(label.isNull() ? null : label.asInt() == 1));
        pairs.add(
            new LabelledPair(
                row.get("split").textValue().equals("calibration"),
                row.get("kind").textValue(),
                new StepPair(step(row.get("student")), step(row.get("teacher"))),
                labels));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return pairs;
  }

  private static Step step(JsonNode texts) {
    return new Step(texts.get(0).textValue(), texts.get(1).textValue(), texts.get(2).textValue());
  }
}
