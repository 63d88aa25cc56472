package org.rlkd.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.GrpoConfig;
import org.rlkd.core.config.RewardConfig;
import org.rlkd.core.data.RowSource;
import org.rlkd.core.reward.ExplainedReward;
import org.rlkd.core.reward.Reward;
import org.rlkd.core.reward.RewardExplanation;
import org.rlkd.core.reward.RewardRows;
import org.rlkd.core.reward.RewardSample;
import org.rlkd.core.reward.Rewards;
import org.rlkd.core.reward.StructureReward;
import org.rlkd.core.reward.WeightedReward;
import org.rlkd.engine.gsrm.Gsrm;
import org.rlkd.engine.reward.ConfiguredRewards;
import org.rlkd.engine.tensor.Device;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rlkd reward}: scores the completions of a file with a reward function. */
@Command(
    name = "reward",
    description = {
      "Scores completions with a reward function of training.",
      "Rows in: completion or response, and what the function needs of answer or solution, problem,"
          + " teacher or teacher_paths, completion_tokens. One line out for each row in, in order:"
          + " {\"reward\": number}, null = unscorable."
    },
    mixinStandardHelpOptions = true)
final class RewardCommand implements Runnable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String WEIGHTED = "weighted";

  @Option(
      names = "--function",
      required = true,
      paramLabel = "NAME",
      description =
          "As in reward_funcs, or weighted: the sum of reward_funcs by reward_weights, which --set"
              + " gives.")
  private String function;

  @Option(
      names = "--input",
      required = true,
      paramLabel = "FILE",
      description = "JSONL or Parquet.")
  private Path input;

  @Option(names = "--out", paramLabel = "FILE", description = "Default: standard output.")
  private Path out;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "YAML as for train, for the options of the functions.")
  private Path config;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description =
          "A key of train's configuration, such as compatibility=open-r1, cosine_max_len=500 or"
              + " rlkd.gsrm.alignment=tree. May be repeated.")
  private List<String> settings = List.of();

  @Override
  public void run() {
    GrpoConfig loaded = GrpoConfig.load(Optional.ofNullable(config), settings);
    List<RewardSample> samples = samples();
    try (Structure structure = new Structure(loaded);
        LineOutput lines = LineOutput.to(out)) {
      for (ObjectNode line : score(reward(loaded.rewards(), structure), samples)) {
        lines.write(line);
      }
      lines.complete();
    }
  }

  private List<RewardSample> samples() {
    List<RewardSample> samples = new ArrayList<>();
    try (RowSource rows = RowSource.open(input)) {
      while (rows.hasNext()) {
        samples.add(RewardRows.read(rows.next()));
      }
    }
    if (samples.isEmpty()) {
      throw new InputException(
          "data file %s is empty: expected at least one row with a completion".formatted(input));
    }
    return samples;
  }

  private Reward reward(RewardConfig rewards, Structure structure) {
    if (function.equals(WEIGHTED)) {
      return new WeightedReward(
          ConfiguredRewards.all(rewards, List.of(), structure), rewards.weights());
    }
    try {
      return Rewards.byName(
          function, ConfiguredRewards.options(rewards, System.getenv()), structure);
    } catch (UsageException e) {
      throw new UsageException("--function %s: %s".formatted(function, e.getMessage()), e);
    }
  }

  private static List<ObjectNode> score(Reward reward, List<RewardSample> samples) {
    List<ObjectNode> lines = new ArrayList<>();
    if (reward instanceof ExplainedReward explained) {
      for (RewardExplanation explanation : explained.explain(samples)) {
        ObjectNode line = line(explanation.reward());
        if (explanation.unscorableReason() != null) {
          line.put("unscorable", explanation.unscorableReason());
        }
        lines.add(line);
      }
    } else {
      for (double value : reward.score(samples)) {
        lines.add(line(value));
      }
    }
    return lines;
  }

  private static ObjectNode line(double reward) {
    return JSON.createObjectNode().put("reward", Double.isFinite(reward) ? reward : null);
  }

  /** The structure reward, opened where a function asks for it. */
  private static final class Structure implements Supplier<StructureReward>, AutoCloseable {
    private final GrpoConfig config;
    private TemporaryTeacherCache cache;
    private Gsrm gsrm;

    Structure(GrpoConfig config) {
      this.config = config;
    }

    @Override
    public StructureReward get() {
      cache = new TemporaryTeacherCache();
      gsrm = Gsrm.open(config.gsrm(), cache.path(), Device.open(config.machine().device()));
      return gsrm.reward();
    }

    @Override
    public void close() {
      if (gsrm != null) {
        gsrm.close();
      }
      if (cache != null) {
        cache.close();
      }
    }
  }
}
