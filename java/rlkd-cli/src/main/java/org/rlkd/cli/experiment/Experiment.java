package org.rlkd.cli.experiment;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.rlkd.cli.quickstart.QuickstartProgress;
import org.rlkd.cli.quickstart.Recipe;
import org.rlkd.core.InputException;

/**
 * The paper's claim on the quickstart's task: does the structure reward help RL more than
 * correctness and format alone? Each {@link Arm} is run under each seed, and each seed has its own
 * data, start models and decomposer.
 *
 * <p>Resumable: an arm of a seed that is done stays done. After each, {@code summary.json}, {@code
 * table.md} and {@code plot.svg} tell of all that is done.
 */
public final class Experiment {
  private final Path out;
  private final String size;
  private final Recipe recipe;
  private final List<Long> seeds;
  private final List<Arm> arms;
  private final QuickstartProgress progress;
  private final Map<Long, SeedRun.StartCosts> costs = new HashMap<>();
  private final Map<Arm, List<ArmResult>> results = new EnumMap<>(Arm.class);

  /**
   * An experiment into a directory, which may hold an earlier part of it.
   *
   * @param size {@code full} or {@code small}
   * @param seeds in the order in which they run
   * @param arms keys of {@link Arm}; empty = all
   */
  public Experiment(
      Path out, String size, List<Long> seeds, List<String> arms, QuickstartProgress progress) {
    this.out = out;
    this.size = size;
    this.recipe = size.equals("small") ? Recipe.SMALL : Recipe.FULL;
    this.seeds = List.copyOf(seeds);
    this.arms = arms.isEmpty() ? List.of(Arm.values()) : arms.stream().map(Arm::of).toList();
    this.progress = progress;
  }

  /** Names of the arms. */
  public static List<String> armKeys() {
    return Arrays.stream(Arm.values()).map(Arm::key).toList();
  }

  /**
   * Runs what is not done yet.
   *
   * @return the table, in Markdown
   */
  public String run() {
    requireSameSize();
    String table = "";
    for (long seed : seeds) {
      SeedRun run = new SeedRun(out.resolve("seed-" + seed), recipe, seed, progress);
      costs.put(seed, run.prepare());
      for (Arm arm : arms) {
        results.computeIfAbsent(arm, a -> new ArrayList<>()).add(run.run(arm));
        table = report();
      }
    }
    return table;
  }

  /** A directory holds runs of one size. */
  private void requireSameSize() {
    Path file = out.resolve("size.txt");
    try {
      Files.createDirectories(out);
      if (!Files.exists(file)) {
        Files.writeString(file, size + "\n");
      }
      String found = Files.readString(file).strip();
      if (!found.equals(size)) {
        throw new InputException(
            "%s holds an experiment of size %s, and %s was asked for. Choose another directory with --out."
                .formatted(out, found, size));
      }
    } catch (IOException e) {
      throw new InputException("%s cannot be used: %s. Choose another --out.".formatted(out, e), e);
    }
  }

  private String report() {
    List<ArmSummary> summaries = new ArrayList<>();
    for (Arm arm : Arm.values()) {
      if (results.containsKey(arm)) {
        summaries.add(ArmSummary.of(arm, results.get(arm), grpo(arm.start()), costs));
      }
    }
    String table = ExperimentTable.of(summaries);
    ObjectMapper json = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    ObjectNode summary = json.createObjectNode();
    summary.put("size", size);
    summary.put("problems", recipe.heldOutProblems());
    summary.put("samples", SeedRun.SAMPLES);
    summary.put("rl_steps", recipe.rlSteps());
    summary.put("rl_completions_per_step", recipe.prompts() * recipe.completions());
    summary.set("arms", json.valueToTree(summaries));
    try {
      Files.writeString(out.resolve("summary.json"), json.writeValueAsString(summary) + "\n");
      Files.writeString(out.resolve("table.md"), table);
      Files.writeString(out.resolve("plot.svg"), IntervalPlot.of(summaries));
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(out, e), e);
    }
    return table;
  }

  /** The results of plain GRPO from a start, by seed. */
  private Map<Long, ArmResult> grpo(Arm.Start start) {
    Arm arm =
        switch (start) {
          case COLD -> Arm.GRPO;
          case BASE -> Arm.GRPO_ZERO;
          case CLEAN -> Arm.CLEAN_GRPO;
        };
    Map<Long, ArmResult> bySeed = new HashMap<>();
    results.getOrDefault(arm, List.of()).forEach(result -> bySeed.put(result.seed(), result));
    return bySeed;
  }
}
