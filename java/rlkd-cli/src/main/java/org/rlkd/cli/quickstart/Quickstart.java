package org.rlkd.cli.quickstart;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.rlkd.core.InputException;
import org.rlkd.core.config.GrpoConfig;
import org.rlkd.core.data.ProblemColumns;
import org.rlkd.core.data.ProblemReader;
import org.rlkd.core.reward.RewardOptions;
import org.rlkd.core.reward.Rewards;
import org.rlkd.engine.PretrainedModel;
import org.rlkd.engine.evaluation.Evaluation;
import org.rlkd.engine.evaluation.EvaluationResult;
import org.rlkd.engine.generation.GenerationListener;
import org.rlkd.engine.generation.Generator;
import org.rlkd.engine.generation.SamplingParameters;
import org.rlkd.engine.gsrm.GenerativeDecomposer;
import org.rlkd.engine.gsrm.Gsrm;
import org.rlkd.engine.gsrm.GsrmSettings;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tokenizer.PromptEncoder;

/**
 * RLKD end to end on a task that it makes itself: data, a student that half-knows the task, a
 * decomposer, RL with the structure reward, evaluation before and after, report.
 *
 * <pre>
 * OUT/data, config     what it trained on, and the configuration of each stage
 * OUT/cold-start       the student before RL, a Hugging Face directory
 * OUT/gsrm             the decomposer
 * OUT/student          the student after RL
 * OUT/metrics.jsonl, completions.jsonl, events.out.tfevents.*    of the RL run
 * OUT/summary.json, report.html
 * </pre>
 */
public final class Quickstart {
  private final Path out;
  private final Recipe recipe;
  private final String size;
  private final long seed;
  private final boolean compareSft;
  private final QuickstartProgress progress;
  private final StageSeconds seconds = new StageSeconds();
  private final Stages stages;

  /**
   * A quickstart into an empty directory.
   *
   * @param size {@code full} or {@code small}
   * @param compareSft whether the cold start is also trained on the teacher paths of RL's problems,
   *     for comparison
   */
  public Quickstart(
      Path out, String size, long seed, boolean compareSft, QuickstartProgress progress) {
    this.out = out;
    this.size = size;
    this.recipe = size.equals("small") ? Recipe.SMALL : Recipe.FULL;
    this.seed = seed;
    this.compareSft = compareSft;
    this.progress = progress;
    this.stages = new Stages(out, recipe, seed, progress);
  }

  /**
   * Runs every stage.
   *
   * @return what came out, written to {@code summary.json} too
   */
  public Result run(Map<String, String> versions) {
    QuickstartData data =
        seconds.time("data", () -> QuickstartData.write(out.resolve("data"), recipe, seed));
    Path coldStart = seconds.time("cold_start", () -> stages.coldStart(data));
    Path gsrm = seconds.time("gsrm", () -> stages.decomposer(data));
    double stepAccuracy = seconds.time("evaluation", () -> stepAccuracy(gsrm, data));

    Path student = out.resolve("student");
    GrpoConfig config =
        stages
            .lessons()
            .reinforcement(
                "rlkd",
                coldStart,
                data.file("train.jsonl"),
                student,
                new Lessons.StructureReward(gsrm, StructureRecipe.TREE));
    Outcome before = evaluate("evaluate cold start", coldStart, config, data);
    seconds.time("rlkd", () -> stages.reinforce("RLKD", config));
    Outcome after = evaluate("evaluate student", student, config, data);
    moveLogs(student);
    Outcome sftClean =
        compareSft
            ? evaluate("evaluate SFT", stages.sftClean(coldStart, data), config, data)
            : null;

    Summary summary =
        new Summary(
            seed, size, seconds.withTotal(), before, after, sftClean, stepAccuracy, versions);
    summary.write(out.resolve("summary.json"));
    return new Result(out, summary.table());
  }

  /** Where everything is, and the table for the terminal. */
  public record Result(Path directory, String table) {}

  private double stepAccuracy(Path directory, QuickstartData data) {
    try (PretrainedModel model = PretrainedModel.load(directory)) {
      return DecomposerAccuracy.of(
          new GenerativeDecomposer(
              "gsrm", model.model(), model.tokenizer(), GsrmSettings.load(directory)),
          data.heldOutPaths());
    }
  }

  private Outcome evaluate(String task, Path directory, GrpoConfig config, QuickstartData data) {
    return seconds.time(
        "evaluation",
        () ->
            progress.generation(
                task,
                (long) recipe.heldOutProblems() * recipe.samples(),
                listener -> evaluate(directory, config, data, listener)));
  }

  private Outcome evaluate(
      Path directory, GrpoConfig config, QuickstartData data, GenerationListener listener) {
    try (PretrainedModel student = PretrainedModel.load(directory);
        Gsrm gsrm =
            Gsrm.open(config.gsrm(), out.resolve("teacher-cache-heldout.jsonl"), Device.CPU)) {
      student.model().setTrainable(false);
      SamplingParameters sampling =
          SamplingParameters.sample(Recipe.MAX_COMPLETION)
              .withTemperature(recipe.temperature())
              .withEosTokenIds(Set.copyOf(student.tokenizer().specialTokens().eosIds()))
              .withSeed(seed);
      EvaluationResult result =
          new Evaluation(
                  new Generator(student.model()),
                  new PromptEncoder(student.tokenizer(), Map.of()),
                  Stream.of("accuracy", "format", "structure")
                      .map(name -> Rewards.byName(name, RewardOptions.DEFAULTS, gsrm::reward))
                      .toList())
              .run(
                  new ProblemReader(ProblemColumns.DEFAULT).readAll(data.file("heldout.jsonl")),
                  recipe.samples(),
                  sampling,
                  listener);
      return Outcome.of(result);
    }
  }

  /** The logs of the RL run stand at the top, where the report and people look for them. */
  private void moveLogs(Path student) {
    try (Stream<Path> files = Files.list(student)) {
      for (Path file : files.filter(Quickstart::isLog).toList()) {
        Files.move(file, out.resolve(file.getFileName()));
      }
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(out, e), e);
    }
  }

  private static boolean isLog(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return name.endsWith(".jsonl") || name.startsWith("events.out.tfevents");
  }
}
