package org.rlkd.cli.quickstart;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.rlkd.core.InputException;
import org.rlkd.engine.gsrm.GsrmSettings;

/**
 * The quickstart's files, made from a seed. The held-out problems, those that RL samples and those
 * of the cold start and the decomposer share none (by what has to be calculated).
 *
 * <pre>
 * cold-start-easy.jsonl, -mixed.jsonl, -sloppy.jsonl    prompt, completion
 * gsrm.jsonl                                            prompt: a sentence, completion: its step
 * train.jsonl, heldout.jsonl                            problem, answer, teacher_paths
 * sft-clean.jsonl                                       train.jsonl's teacher paths as completions
 * </pre>
 */
public final class QuickstartData {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Tokens of a decomposed step; the longest has about 30. */
  private static final int MAX_STEP_TOKENS = 48;

  /** How the decomposer is asked, in training and after. */
  static final GsrmSettings DECOMPOSER =
      new GsrmSettings(GsrmSettings.Split.SENTENCE, "{text}\n", MAX_STEP_TOKENS, 2);

  private final Path directory;
  private final List<Problem> heldOut;

  private QuickstartData(Path directory, List<Problem> heldOut) {
    this.directory = directory;
    this.heldOut = heldOut;
  }

  /** Makes all files in a directory, which is made. */
  public static QuickstartData write(Path directory, Recipe recipe, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    GraphShape full = new GraphShape(3, 4, 2, 1, recipe.maxValue());
    GraphShape easy = new GraphShape(1, 2, 1, 1, recipe.maxValue());
    ProblemSampler fullSampler =
        new ProblemSampler(new GraphSampler(full, Wording.NOUNS), recipe.teacherPaths());
    ProblemSampler easySampler =
        new ProblemSampler(new GraphSampler(easy, Wording.NOUNS), recipe.teacherPaths());
    Set<String> taken = new HashSet<>();
    List<Problem> heldOut = fullSampler.sample(recipe.heldOutProblems(), taken, random);
    taken.addAll(ProblemSampler.forms(heldOut));
    List<Problem> train = fullSampler.sample(recipe.trainProblems(), taken, random);
    taken.addAll(ProblemSampler.forms(train));
    List<Problem> coldStart = fullSampler.sample(recipe.coldStartProblems(), taken, random);
    List<Problem> simple = easySampler.sample(recipe.easyProblems(), taken, random);
    SloppyTeacher sloppy = new SloppyTeacher(0.35, 0.05, 0.2, recipe.maxValue());

    QuickstartData data = new QuickstartData(directory, heldOut);
    try {
      Files.createDirectories(directory);
      data.write("cold-start-easy.jsonl", simple.stream().map(p -> lesson(p, first(p))));
      data.write(
          "cold-start-mixed.jsonl",
          Stream.concat(simple.stream(), coldStart.stream()).map(p -> lesson(p, first(p))));
      data.write(
          "cold-start-sloppy.jsonl",
          Stream.concat(
              simple.subList(0, simple.size() / 2).stream().map(p -> lesson(p, first(p))),
              coldStart.stream().map(p -> lesson(p, sloppy.path(p.graph(), random)))));
      data.write("train.jsonl", train.stream().map(QuickstartData::problem));
      data.write("heldout.jsonl", heldOut.stream().map(QuickstartData::problem));
      data.write(
          "sft-clean.jsonl",
          train.stream().flatMap(p -> p.teacherPaths().stream().map(path -> lesson(p, path))));
      data.write("gsrm.jsonl", coldStart.stream().flatMap(p -> steps(p, sloppy, random)));
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(directory, e), e);
    }
    return data;
  }

  /** One of the files above. */
  public Path file(String name) {
    return directory.resolve(name);
  }

  /** Problems as rows: problem, answer, teacher_paths. */
  public static void writeProblems(Path file, List<Problem> problems) {
    try {
      write(file, problems.stream().map(QuickstartData::problem));
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(file, e), e);
    }
  }

  /** The teacher paths of the held-out problems, with their true steps. */
  List<TeacherPath> heldOutPaths() {
    return heldOut.stream().flatMap(problem -> problem.teacherPaths().stream()).toList();
  }

  private static TeacherPath first(Problem problem) {
    return problem.teacherPaths().get(0);
  }

  private static ObjectNode lesson(Problem problem, TeacherPath path) {
    return JSON.createObjectNode()
        .put("prompt", problem.prompt())
        .put("completion", path.completion());
  }

  private static ObjectNode problem(Problem problem) {
    ObjectNode row =
        JSON.createObjectNode().put("problem", problem.prompt()).put("answer", problem.answer());
    ArrayNode paths = row.putArray("teacher_paths");
    problem.teacherPaths().forEach(path -> paths.add(path.reasoning()));
    return row;
  }

  /** The sentences of a correct and of a flawed path: what a student writes is not always right. */
  private static Stream<ObjectNode> steps(
      Problem problem, SloppyTeacher sloppy, SplittableRandom random) {
    List<TeacherStep> steps = new ArrayList<>(first(problem).steps());
    steps.addAll(sloppy.path(problem.graph(), random).steps());
    return steps.stream()
        .map(
            step ->
                JSON.createObjectNode()
                    .put("prompt", DECOMPOSER.promptFor(step.sentence()))
                    .put("completion", step.tagged(1)));
  }

  private void write(String name, Stream<ObjectNode> rows) throws IOException {
    write(file(name), rows);
  }

  private static void write(Path file, Stream<ObjectNode> rows) throws IOException {
    try (BufferedWriter writer = Files.newBufferedWriter(file)) {
      for (ObjectNode row : (Iterable<ObjectNode>) rows::iterator) {
        writer.write(row.toString());
        writer.write('\n');
      }
    }
  }
}
