package org.rlkd.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rlkd.core.math.MathAnswer;

/** The maths verifier's work: does the answer in a text equal the reference answer? */
final class MathsVerdicts implements Round {
  private record Row(String gold, String text) {}

  private final List<Row> rows = new ArrayList<>();
  private final double[] verdicts;

  /**
   * @param pairs JSON objects with {@code gold} and {@code answer_text}, one a line
   */
  MathsVerdicts(Path pairs) throws IOException {
    ObjectMapper json = new ObjectMapper();
    for (String line : Files.readAllLines(pairs)) {
      JsonNode row = json.readTree(line);
      rows.add(new Row(row.required("gold").asText(), row.required("answer_text").asText()));
    }
    verdicts = new double[rows.size()];
  }

  @Override
  public long run() {
    for (int i = 0; i < verdicts.length; i++) {
      verdicts[i] = MathAnswer.solves(rows.get(i).gold, rows.get(i).text) ? 1 : 0;
    }
    return verdicts.length;
  }

  @Override
  public double[] results() {
    return verdicts;
  }
}
