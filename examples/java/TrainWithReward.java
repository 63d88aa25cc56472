import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.rlkd.core.config.GrpoConfig;
import org.rlkd.core.reward.Reward;
import org.rlkd.core.reward.RewardSample;
import org.rlkd.engine.run.GrpoRun;
import org.rlkd.engine.training.StepReport;

/**
 * Trains a model by GRPO with a reward of its own: right answers, in few tokens.
 *
 * <pre>java -cp CLASSPATH examples/java/TrainWithReward.java MODEL DATA OUT [key=value ...]</pre>
 */
public final class TrainWithReward {

  /** 1 for no token at all, falling to 0 at the limit; a completion that was cut off has 0. */
  record Brevity(int limit) implements Reward {
    @Override
    public String name() {
      return "brevity";
    }

    @Override
    public double[] score(List<RewardSample> samples) {
      return samples.stream()
          .mapToDouble(
              s -> s.truncated() ? 0 : Math.max(0, 1 - s.completionTokens() / (double) limit))
          .toArray();
    }
  }

  public static void main(String[] arguments) {
    List<String> settings =
        new ArrayList<>(
            List.of(
                "model_name_or_path=" + arguments[0],
                "dataset_name=" + arguments[1],
                "output_dir=" + arguments[2],
                "reward_funcs=[accuracy, brevity]",
                "reward_weights=[1, 0.5]"));
    settings.addAll(List.of(arguments).subList(3, arguments.length)); // any key of the YAML file
    GrpoConfig config = GrpoConfig.load(Optional.empty(), settings);
    Brevity brevity = new Brevity(config.sampling().maxCompletionLength());
    Path trained = new GrpoRun(config, List.of(brevity)).run(TrainWithReward::afterStep);
    System.out.println("trained: " + trained);
  }

  /** True goes on with the run, false ends it with a checkpoint from which it can be resumed. */
  private static boolean afterStep(StepReport report) {
    System.out.printf(
        "step %d of %d: reward %.3f%n",
        report.step(), report.totalSteps(), report.metrics().get("reward"));
    return true;
  }
}
