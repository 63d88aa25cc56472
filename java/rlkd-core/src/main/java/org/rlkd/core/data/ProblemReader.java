package org.rlkd.core.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.rlkd.core.InputException;
import org.rlkd.core.chat.ChatMessage;

/**
 * Makes {@link Problem}s of rows, by the columns that are there.
 *
 * <ul>
 *   <li>the prompt: a text, or a list of messages {@code {role, content}};
 *   <li>the answer: {@code answer}, else {@code solution}; GSM8K's {@code ... #### 42} is taken
 *       apart;
 *   <li>teacher paths, the first that is there of: {@code teacher_paths} (a list of texts), {@code
 *       teacher} (a text), {@code generations} with {@code correctness_math_verify} (OpenR1: those
 *       marked correct), GSM8K's solution, the assistant message that ends {@code messages};
 *   <li>{@code id} or {@code uuid}, else the row's number.
 * </ul>
 *
 * Other columns are not looked at.
 */
public final class ProblemReader {
  private static final List<String> PROMPTS = List.of("messages", "prompt", "problem", "question");
  private static final String START_OF_REASONING = "<think>";
  private static final String END_OF_REASONING = "</think>";

  private final ProblemColumns columns;

  public ProblemReader(ProblemColumns columns) {
    this.columns = columns;
  }

  /**
   * All problems of a file.
   *
   * @throws InputException if it has no rows or a row is not a problem; file and row are named
   */
  public List<Problem> readAll(Path file) {
    List<Problem> problems = new ArrayList<>();
    try (RowSource rows = RowSource.open(file)) {
      while (rows.hasNext()) {
        problems.add(read(rows.next()));
      }
    }
    if (problems.isEmpty()) {
      throw new InputException(
          "data file %s is empty: expected at least one row with a problem".formatted(file));
    }
    return problems;
  }

  /** The problem of a row. */
  public Problem read(Row row) {
    return read(row, messages(row), id(row).orElse(Long.toString(row.number())));
  }

  private static Optional<String> id(Row row) {
    return text(row, "id").or(() -> text(row, "uuid"));
  }

  private Problem read(Row row, List<ChatMessage> conversation, String id) {
    List<ChatMessage> messages = conversation;
    Optional<String> closing = Optional.empty();
    ChatMessage last = messages.get(messages.size() - 1);
    if (messages.size() > 1 && last.role().equals("assistant")) {
      closing = Optional.of(last.content());
      messages = messages.subList(0, messages.size() - 1);
    }
    Optional<String> solution = text(row, "answer").or(() -> text(row, "solution"));
    Optional<GsmSolution> gsm = solution.filter(GsmSolution::matches).map(GsmSolution::parse);
    String answer = gsm.map(GsmSolution::answer).or(() -> solution).orElse(null);
    if (columns.answerRequired() && (answer == null || answer.isBlank())) {
      throw new InputException(
          "%s has no answer: expected a column 'answer' or 'solution', found %s. Add it, or remove the row."
              .formatted(row.place(), names(row)));
    }
    List<TeacherPath> teachers = teachers(row);
    if (teachers.isEmpty()) {
      teachers =
          Stream.concat(
                  gsm.map(GsmSolution::teacher).stream(),
                  closing.map(text -> new TeacherPath(text, null)).stream())
              .toList();
    }
    return new Problem(id, messages, answer, teachers);
  }

  /**
   * The problem of a row that may lack prompt and answer, for scoring a completion: without a
   * prompt its message is empty. The id is {@code id}, {@code uuid} or {@code problem_id}, else the
   * prompt, else the row's number; rows of equal id are about the same problem.
   */
  public static Problem readForScoring(Row row) {
    ProblemReader reader = new ProblemReader(new ProblemColumns(null, null, false));
    boolean prompted =
        PROMPTS.stream()
            .map(row.fields()::path)
            .anyMatch(value -> value.isTextual() || !value.isEmpty());
    List<ChatMessage> messages =
        prompted ? reader.messages(row) : List.of(new ChatMessage("user", ""));
    String otherwise = prompted ? messages.toString() : Long.toString(row.number());
    return reader.read(row, messages, id(row).or(() -> text(row, "problem_id")).orElse(otherwise));
  }

  private List<ChatMessage> messages(Row row) {
    JsonNode prompt = prompt(row);
    List<ChatMessage> messages = new ArrayList<>();
    if (prompt.isTextual()) {
      messages.add(new ChatMessage("user", prompt.textValue()));
    } else {
      for (JsonNode message : prompt) {
        if (!message.path("role").isTextual() || !message.path("content").isTextual()) {
          throw new InputException(
              "%s: found the message %s, expected {\"role\": text, \"content\": text}"
                  .formatted(row.place(), message));
        }
        messages.add(
            new ChatMessage(message.get("role").textValue(), message.get("content").textValue()));
      }
    }
    if (messages.stream().allMatch(message -> message.content().isBlank())) {
      throw new InputException(row.place() + ": the prompt is empty");
    }
    if (columns.systemPrompt() != null
        && messages.stream().noneMatch(message -> message.role().equals("system"))) {
      messages.add(0, new ChatMessage("system", columns.systemPrompt()));
    }
    return messages;
  }

  private JsonNode prompt(Row row) {
    List<String> wanted = columns.prompt() == null ? PROMPTS : List.of(columns.prompt());
    for (String column : wanted) {
      JsonNode value = row.fields().path(column);
      if (value.isTextual() || (value.isArray() && !value.isEmpty())) {
        return value;
      }
    }
    throw new InputException(
        "%s has no prompt: expected text or messages in %s, found %s. Set dataset_prompt_column."
            .formatted(row.place(), String.join(" or ", wanted), names(row)));
  }

  private static List<TeacherPath> teachers(Row row) {
    JsonNode listed = row.fields().path("teacher_paths");
    if (listed.isArray()) {
      return texts(row, "teacher_paths", listed);
    }
    Optional<String> single = text(row, "teacher");
    if (single.isPresent()) {
      return List.of(new TeacherPath(single.get(), null));
    }
    JsonNode generations = row.fields().path("generations");
    return generations.isArray() ? correct(row, generations) : List.of();
  }

  private static List<TeacherPath> texts(Row row, String column, JsonNode list) {
    List<TeacherPath> paths = new ArrayList<>();
    for (JsonNode path : list) {
      if (!path.isTextual()) {
        throw new InputException(
            "%s, column %s: found %s, expected a text".formatted(row.place(), column, path));
      }
      paths.add(new TeacherPath(path.textValue(), null));
    }
    return paths;
  }

  /**
   * OpenR1: the reasoning of the generations that were judged correct, or of all without verdicts.
   */
  private static List<TeacherPath> correct(Row row, JsonNode generations) {
    List<TeacherPath> paths = texts(row, "generations", generations);
    JsonNode verdicts = row.fields().path("correctness_math_verify");
    if (verdicts.isArray() && verdicts.size() != paths.size()) {
      throw new InputException(
          "%s: found %d generations but %d entries in correctness_math_verify, expected as many"
              .formatted(row.place(), paths.size(), verdicts.size()));
    }
    List<TeacherPath> correct = new ArrayList<>();
    for (int i = 0; i < paths.size(); i++) {
      if (!verdicts.isArray() || verdicts.get(i).asBoolean()) {
        correct.add(new TeacherPath(reasoning(paths.get(i).text()), null));
      }
    }
    return correct;
  }

  /**
   * The text between the think tags; the first may be missing, the second too where the text was
   * cut off.
   */
  private static String reasoning(String generation) {
    int end = generation.indexOf(END_OF_REASONING);
    String text = end < 0 ? generation : generation.substring(0, end);
    String inside = text.stripLeading();
    return inside.startsWith(START_OF_REASONING)
        ? inside.substring(START_OF_REASONING.length()).stripLeading()
        : text;
  }

  private static Optional<String> text(Row row, String column) {
    JsonNode value = row.fields().path(column);
    if (value.isTextual()) {
      return Optional.of(value.textValue());
    }
    // 27.0 is how some files store the answer 27.
    return value.isNumber()
        ? Optional.of(
            value.decimalValue().compareTo(BigDecimal.ZERO) == 0
                ? "0"
                : value.decimalValue().stripTrailingZeros().toPlainString())
        : Optional.empty();
  }

  private static String names(Row row) {
    List<String> names = new ArrayList<>();
    row.fields().fieldNames().forEachRemaining(names::add);
    return "the columns " + String.join(", ", names);
  }
}
