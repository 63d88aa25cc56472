package org.rlkd.engine.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.rlkd.core.InputException;
import org.rlkd.core.data.Problem;
import org.rlkd.core.data.ProblemColumns;
import org.rlkd.core.data.ProblemReader;
import org.rlkd.core.data.Row;
import org.rlkd.core.data.RowSource;

/**
 * The problems of an evaluation with what they are sorted by.
 *
 * @param subjects by problem: {@code subject}, {@code problem_type} or {@code type} of its row;
 *     null where there is none
 * @param levels by problem: {@code level}; null where there is none
 */
public record Benchmark(List<Problem> problems, List<String> subjects, List<String> levels) {

  public Benchmark {
    problems = List.copyOf(problems);
    subjects = Collections.unmodifiableList(new ArrayList<>(subjects));
    levels = Collections.unmodifiableList(new ArrayList<>(levels));
  }

  /**
   * Reads a file.
   *
   * @param limit only so many problems, the first ones
   * @throws InputException if it has no rows or a row is not a problem; file and row are named
   */
  public static Benchmark read(Path file, ProblemColumns columns, int limit) {
    ProblemReader reader = new ProblemReader(columns);
    List<Problem> problems = new ArrayList<>();
    List<String> subjects = new ArrayList<>();
    List<String> levels = new ArrayList<>();
    try (RowSource rows = RowSource.open(file)) {
      while (rows.hasNext() && problems.size() < limit) {
        Row row = rows.next();
        problems.add(reader.read(row));
        subjects.add(label(row, "subject", "problem_type", "type"));
        levels.add(label(row, "level"));
      }
    }
    if (problems.isEmpty()) {
      throw new InputException(
          "data file %s is empty: expected at least one row with a problem".formatted(file));
    }
    return new Benchmark(problems, subjects, levels);
  }

  private static String label(Row row, String... columns) {
    for (String column : columns) {
      JsonNode value = row.fields().path(column);
      if (value.isValueNode() && !value.isNull() && !value.asText().isBlank()) {
        return value.asText().strip();
      }
    }
    return null;
  }
}
