package org.rlkd.cli.experiment;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.rlkd.cli.quickstart.GraphSampler;
import org.rlkd.cli.quickstart.GraphShape;
import org.rlkd.cli.quickstart.Lessons;
import org.rlkd.cli.quickstart.ProblemSampler;
import org.rlkd.cli.quickstart.QuickstartData;
import org.rlkd.cli.quickstart.QuickstartProgress;
import org.rlkd.cli.quickstart.Recipe;
import org.rlkd.cli.quickstart.Stages;
import org.rlkd.cli.quickstart.Wording;
import org.rlkd.core.InputException;
import org.rlkd.core.config.GrpoConfig;
import org.rlkd.core.config.GsrmConfig;
import org.rlkd.core.data.Problem;
import org.rlkd.core.data.ProblemColumns;
import org.rlkd.core.data.ProblemReader;
import org.rlkd.core.reward.RewardOptions;
import org.rlkd.core.reward.Rewards;
import org.rlkd.engine.PretrainedModel;
import org.rlkd.engine.evaluation.EvaluatedCompletion;
import org.rlkd.engine.evaluation.Evaluation;
import org.rlkd.engine.evaluation.EvaluationResult;
import org.rlkd.engine.generation.Generator;
import org.rlkd.engine.generation.SamplingParameters;
import org.rlkd.engine.gsrm.Gsrm;
import org.rlkd.engine.storage.StagedDirectory;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tokenizer.PromptEncoder;

/**
 * One seed of an experiment: its data, start models and decomposer, and the arms that start from
 * them. What is there already is not done again.
 *
 * <pre>
 * SEED/start            data, cold start, under-trained base, clean SFT, decomposer; costs.json
 * SEED/arms/ARM         model and logs of the arm, completions.jsonl of its evaluation, result.json
 * </pre>
 *
 * A directory appears when all in it is done.
 */
final class SeedRun {
  /** Completions of each problem in an evaluation, as in avg@8. */
  static final int SAMPLES = 8;

  /** Steps of the longer problems; no teacher path that anything trained on has more than 4. */
  private static final int MIN_LONGER = 5;

  private static final int MAX_LONGER = 6;

  /** Room for completions about longer problems. */
  private static final int MAX_COMPLETION = 2 * Recipe.MAX_COMPLETION;

  /** Keeps the longer problems' random numbers apart from those of the other data. */
  private static final long LONGER_KEY = 0x4c4f4e474552L;

  private static final String COSTS = "costs.json";
  private static final String RESULT = "result.json";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path directory;
  private final Recipe recipe;
  private final long seed;
  private final QuickstartProgress progress;

  SeedRun(Path directory, Recipe recipe, long seed, QuickstartProgress progress) {
    this.directory = directory;
    this.recipe = recipe;
    this.seed = seed;
    this.progress = progress;
  }

  /** What the trainings that arms share took; each without those it builds on. */
  record StartCosts(
      @JsonProperty("cold_start") Cost coldStart,
      @JsonProperty("under_trained") Cost underTrained,
      @JsonProperty("sft_clean") Cost sftClean,
      Cost decomposer) {}

  /** Makes the data and trains what the arms start from. */
  StartCosts prepare() {
    Path start = directory.resolve("start");
    if (!Files.exists(start.resolve(COSTS))) {
      try (StagedDirectory staged = StagedDirectory.open(start)) {
        Stages stages = new Stages(staged.path(), recipe, seed, progress);
        QuickstartData data = QuickstartData.write(staged.path().resolve("data"), recipe, seed);
        GraphShape longer = new GraphShape(MIN_LONGER, MAX_LONGER, 2, 1, recipe.maxValue());
        QuickstartData.writeProblems(
            data.file("longer.jsonl"),
            new ProblemSampler(new GraphSampler(longer, Wording.NOUNS), recipe.teacherPaths())
                .sample(
                    recipe.heldOutProblems(),
                    new HashSet<>(),
                    new SplittableRandom(seed ^ LONGER_KEY)));
        StartCosts costs =
            new StartCosts(
                cost(() -> stages.coldStart(data)),
                cost(() -> stages.underTrained(data)),
                cost(() -> stages.sftClean(staged.path().resolve("cold-start"), data)),
                cost(() -> stages.decomposer(data)));
        JsonFiles.write(staged.path().resolve(COSTS), costs);
        staged.commit();
      }
    }
    return JsonFiles.read(start.resolve(COSTS), StartCosts.class);
  }

  private static Cost cost(Supplier<Path> work) {
    Cost before = Cost.now();
    work.get();
    return Cost.now().minus(before);
  }

  /** Trains and evaluates an arm. */
  ArmResult run(Arm arm) {
    Path done = directory.resolve("arms").resolve(arm.key());
    if (!Files.exists(done.resolve(RESULT))) {
      try (StagedDirectory staged = StagedDirectory.open(done)) {
        Path model = start(arm);
        Cost training = Cost.NONE;
        if (arm.reinforced()) {
          Path student = staged.path().resolve("student");
          GrpoConfig config = reinforcement(arm, model, student);
          training =
              cost(
                  () ->
                      new Stages(directory, recipe, seed, progress)
                          .reinforce("seed %d, %s".formatted(seed, arm.key()), config));
          model = student;
        }
        ProblemScores heldOut = evaluate(arm, model, "heldout", staged.path());
        ProblemScores longer = evaluate(arm, model, "longer", staged.path());
        JsonFiles.write(
            staged.path().resolve(RESULT),
            new ArmResult(seed, arm.key(), training, heldOut, longer));
        staged.commit();
      }
    }
    return JsonFiles.read(done.resolve(RESULT), ArmResult.class);
  }

  private Path start(Arm arm) {
    Path start = directory.resolve("start");
    return switch (arm.start()) {
      case COLD -> start.resolve("cold-start");
      case BASE -> start.resolve("under-trained");
      case CLEAN -> start.resolve("sft-clean");
    };
  }

  private GrpoConfig reinforcement(Arm arm, Path model, Path student) {
    return new Lessons(directory.resolve("config"), recipe, seed)
        .reinforcement(
            arm.key(),
            model,
            data("train"),
            student,
            arm.structure() == null
                ? null
                : new Lessons.StructureReward(decomposer(), arm.structure()));
  }

  private Path data(String name) {
    return directory.resolve("start/data").resolve(name + ".jsonl");
  }

  private Path decomposer() {
    return directory.resolve("start/gsrm");
  }

  /** The same structure score for every arm: the best teacher path, as a share of its steps. */
  private GsrmConfig structureScore() {
    return GrpoConfig.load(
            Optional.empty(),
            List.of(
                "rlkd.gsrm.decomposer=" + decomposer(),
                "rlkd.gsrm.alignment=tree",
                "rlkd.gsrm.normalize=teacher"))
        .gsrm();
  }

  private ProblemScores evaluate(Arm arm, Path model, String problems, Path out) {
    List<Problem> rows = new ProblemReader(ProblemColumns.DEFAULT).readAll(data(problems));
    EvaluationResult result =
        progress.generation(
            "seed %d, %s, %s".formatted(seed, arm.key(), problems),
            (long) rows.size() * SAMPLES,
            listener -> {
              try (PretrainedModel student = PretrainedModel.load(model);
                  Gsrm gsrm =
                      Gsrm.open(
                          structureScore(),
                          directory.resolve("teacher-cache-" + problems + ".jsonl"),
                          Device.CPU)) {
                student.model().setTrainable(false);
                return new Evaluation(
                        new Generator(student.model()),
                        new PromptEncoder(student.tokenizer(), Map.of()),
                        Stream.of("accuracy", "format", "structure")
                            .map(name -> Rewards.byName(name, RewardOptions.DEFAULTS, gsrm::reward))
                            .toList())
                    .run(rows, SAMPLES, sampling(student), listener);
              }
            });
    writeCompletions(out.resolve("completions-" + problems + ".jsonl"), result);
    return ProblemScores.of(result);
  }

  private SamplingParameters sampling(PretrainedModel student) {
    return SamplingParameters.sample(MAX_COMPLETION)
        .withTemperature(recipe.temperature())
        .withEosTokenIds(Set.copyOf(student.tokenizer().specialTokens().eosIds()))
        .withSeed(seed);
  }

  private static void writeCompletions(Path file, EvaluationResult result) {
    try (BufferedWriter writer = Files.newBufferedWriter(file)) {
      for (EvaluatedCompletion completion : result.completions()) {
        ObjectNode line =
            JSON.createObjectNode()
                .put("problem", completion.problem().id())
                .put("sample", completion.sample())
                .put("completion", completion.text());
        completion
            .scores()
            .forEach((name, score) -> line.put(name, Double.isNaN(score) ? null : score));
        writer.write(line.toString());
        writer.newLine();
      }
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(file, e), e);
    }
  }
}
