package org.rlkd.core.data.conversion;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.rlkd.core.InputException;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.data.Problem;
import org.rlkd.core.data.ProblemColumns;
import org.rlkd.core.data.ProblemReader;
import org.rlkd.core.data.Row;
import org.rlkd.core.data.TeacherPath;
import org.rlkd.core.gsrm.Decomposer;
import org.rlkd.core.gsrm.Decomposition;
import org.rlkd.core.gsrm.DecompositionPrompt;
import org.rlkd.core.gsrm.Reasoning;
import org.rlkd.core.gsrm.Structure;
import org.rlkd.core.gsrm.StructureRenderer;
import org.rlkd.core.reward.ReasoningText;

/**
 * Training data of a GSRM's decomposer: conversations in which a reasoning is asked to be taken
 * apart and the answer is its structure, as a decomposer wrote it or as the data gives it.
 *
 * <pre>
 * id, messages (system, user, assistant)      a row for each reasoning
 * </pre>
 *
 * The reasoning is the column {@code reasoning}, or what {@link ProblemReader} takes for teacher
 * paths, at most {@code maxPaths} of a problem. A reasoning in which no step was found is left out;
 * a row none of whose reasonings could be decomposed is bad.
 *
 * @param decomposer runs on the thread that converts; one call for each batch of rows
 * @param prompt what the GSRM will be asked
 */
public record DecompositionRows(Decomposer decomposer, DecompositionPrompt prompt, int maxPaths)
    implements RowConverter {
  /** The reason under which rows without any step are counted. */
  public static final String NO_STEP = "without a step";

  private static final String REASONING = "reasoning";
  private static final ProblemReader PROBLEMS =
      new ProblemReader(new ProblemColumns(null, null, false));

  @Override
  public String settings() {
    return "%s %s %d".formatted(decomposer.id(), prompt.contentHash(), maxPaths);
  }

  @Override
  public Map<String, String> columns() {
    Map<String, String> columns = new LinkedHashMap<>();
    columns.put("id", "VARCHAR");
    columns.put("messages", "STRUCT(role VARCHAR, content VARCHAR)[]");
    return columns;
  }

  /** A row's reasonings, or why it has none. */
  private record Source(String id, List<Part> parts, String bad) {}

  /** A reasoning, and its structure where the data gives it. */
  private record Part(Reasoning reasoning, Structure givenOrNull) {}

  @Override
  public List<Converted> convert(List<Row> rows) {
    List<Source> sources = rows.stream().map(this::source).toList();
    List<Reasoning> unknown =
        sources.stream()
            .flatMap(source -> source.parts().stream())
            .filter(part -> part.givenOrNull() == null)
            .map(Part::reasoning)
            .distinct()
            .toList();
    List<Decomposition> results = unknown.isEmpty() ? List.of() : decomposer.decompose(unknown);
    Map<Reasoning, Decomposition> byReasoning = new LinkedHashMap<>();
    for (int i = 0; i < unknown.size(); i++) {
      byReasoning.put(unknown.get(i), results.get(i));
    }
    List<Converted> converted = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      converted.add(convert(rows.get(i), sources.get(i), byReasoning));
    }
    return converted;
  }

  private Source source(Row row) {
    try {
      Problem problem = PROBLEMS.read(row);
      String question = Question.of(problem);
      List<Part> parts = new ArrayList<>();
      for (TeacherPath path : paths(row, problem)) {
        String text = ReasoningText.of(path.text()).strip();
        if (parts.size() < maxPaths && (!text.isEmpty() || path.structureOrNull() != null)) {
          parts.add(new Part(new Reasoning(question, text), path.structureOrNull()));
        }
      }
      return parts.isEmpty()
          ? new Source(
              problem.id(),
              parts,
              row.place()
                  + " has no reasoning: expected a text in reasoning, teacher_paths or teacher, or generations judged correct")
          : new Source(problem.id(), parts, null);
    } catch (InputException e) {
      return new Source("", List.of(), e.getMessage());
    }
  }

  private static List<TeacherPath> paths(Row row, Problem problem) {
    JsonNode reasoning = row.fields().path(REASONING);
    return reasoning.isTextual()
        ? List.of(new TeacherPath(reasoning.textValue(), null))
        : problem.teacherPaths();
  }

  private Converted convert(Row row, Source source, Map<Reasoning, Decomposition> decompositions) {
    if (source.parts().isEmpty() && row.fields().path("generations").isArray()) {
      return new Converted.Skipped(TeacherRows.NO_PATH);
    }
    if (source.bad() != null) {
      return new Converted.Bad(source.bad());
    }
    List<ObjectNode> out = new ArrayList<>();
    String failure = null;
    for (Part part : source.parts()) {
      Structure structure = part.givenOrNull();
      if (structure == null) {
        Decomposition decomposition = decompositions.get(part.reasoning());
        if (decomposition instanceof Decomposition.Failed failed) {
          failure = failed.reason();
          continue;
        }
        structure = ((Decomposition.Parsed) decomposition).structure();
      }
      if (!structure.steps().isEmpty()) {
        out.add(conversation(source.id(), part.reasoning(), structure));
      }
    }
    if (out.isEmpty()) {
      return failure == null
          ? new Converted.Skipped(NO_STEP)
          : new Converted.Bad("%s: %s".formatted(row.place(), failure));
    }
    return new Converted.Rows(0, out);
  }

  private ObjectNode conversation(String id, Reasoning reasoning, Structure structure) {
    ObjectNode row = JsonNodeFactory.instance.objectNode().put("id", id);
    ArrayNode messages = row.putArray("messages");
    for (ChatMessage message : prompt.messages(reasoning)) {
      messages.addObject().put("role", message.role()).put("content", message.content());
    }
    messages
        .addObject()
        .put("role", "assistant")
        .put("content", StructureRenderer.render(structure));
    return row;
  }
}
