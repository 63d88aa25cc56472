package org.rlkd.core.data.conversion;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.rlkd.core.InputException;
import org.rlkd.core.data.Problem;
import org.rlkd.core.data.ProblemColumns;
import org.rlkd.core.data.ProblemReader;
import org.rlkd.core.data.Row;
import org.rlkd.core.data.TeacherPath;
import org.rlkd.core.math.MathAnswer;

/**
 * Training data of RLKD from a teacher's generations (OpenR1's columns {@code generations} and
 * {@code correctness_math_verify}; or what else {@link ProblemReader} takes for teacher paths):
 *
 * <pre>
 * id, problem, answer, teacher_paths, level, subject        to output 0 (train) or 1 (test)
 * </pre>
 *
 * A teacher path is the reasoning of a generation with a right answer: the text before {@code
 * </think>}, whether it was opened or not, or all of a generation that was cut off before. Where
 * the data has no verdicts, {@link MathAnswer} judges. Problems without a right generation are
 * skipped.
 *
 * @param maxPaths most different paths kept for a problem, the first ones
 */
public record TeacherRows(int maxPaths, ProblemSplit split) implements RowConverter {
  /** The reason under which problems without teacher path are counted. */
  public static final String NO_PATH = "without a correct generation";

  private static final String GENERATIONS = "generations";
  private static final String VERDICTS = "correctness_math_verify";
  private static final List<String> SUBJECTS = List.of("subject", "problem_type");
  private static final ProblemReader PROBLEMS = new ProblemReader(ProblemColumns.DEFAULT);

  @Override
  public String settings() {
    return toString();
  }

  @Override
  public Map<String, String> columns() {
    Map<String, String> columns = new LinkedHashMap<>();
    columns.put("id", "VARCHAR");
    columns.put("problem", "VARCHAR");
    columns.put("answer", "VARCHAR");
    columns.put("teacher_paths", "VARCHAR[]");
    columns.put("level", "VARCHAR");
    columns.put("subject", "VARCHAR");
    return columns;
  }

  @Override
  public List<Converted> convert(List<Row> rows) {
    return rows.stream().map(this::convert).toList();
  }

  private Converted convert(Row row) {
    Problem problem;
    try {
      problem = PROBLEMS.read(judged(row));
    } catch (InputException e) {
      return new Converted.Bad(e.getMessage());
    }
    Set<String> paths = new LinkedHashSet<>();
    for (TeacherPath path : problem.teacherPaths()) {
      if (!path.text().isBlank() && paths.size() < maxPaths) {
        paths.add(path.text().strip());
      }
    }
    if (paths.isEmpty()) {
      return new Converted.Skipped(NO_PATH);
    }
    String text = Question.of(problem);
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("id", problem.id()).put("problem", text).put("answer", problem.answer());
    ArrayNode teacherPaths = out.putArray("teacher_paths");
    paths.forEach(teacherPaths::add);
    copy(row, "level", List.of("level"), out);
    copy(row, "subject", SUBJECTS, out);
    return new Converted.Rows(split.isTest(text) ? 1 : 0, List.of(out));
  }

  /** The row, with verdicts of our own where it has generations without any. */
  private static Row judged(Row row) {
    JsonNode generations = row.fields().path(GENERATIONS);
    if (!generations.isArray() || row.fields().path(VERDICTS).isArray()) {
      return row;
    }
    String answer = PROBLEMS.read(row).answer();
    ObjectNode fields = row.fields().deepCopy();
    ArrayNode verdicts = fields.putArray(VERDICTS);
    for (JsonNode generation : generations) {
      verdicts.add(MathAnswer.solves(answer, generation.asText()));
    }
    return new Row(row.file(), row.number(), fields);
  }

  private static void copy(Row row, String column, List<String> names, ObjectNode out) {
    for (String name : names) {
      JsonNode value = row.fields().path(name);
      if (value.isValueNode() && !value.isNull()) {
        out.put(column, value.asText());
        return;
      }
    }
  }
}
