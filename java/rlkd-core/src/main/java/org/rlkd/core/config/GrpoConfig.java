package org.rlkd.core.config;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Configuration of {@code rlkd train}: what TRL calls GRPOConfig, ModelConfig and ScriptArguments,
 * with TRL 1.16's names and defaults, the older names of TRL and open-r1 that published recipes
 * use, and rlkd's own keys under {@code rlkd}.
 *
 * @param model {@code model_name_or_path}: a local directory; the command line may give it instead
 * @param lora {@code use_peft}: the adapter that is trained in place of the weights; empty = none
 * @param shuffleDataset whether each epoch goes through the prompts in a new random order, not in
 *     that of the data
 * @param logCompletions whether completions are written to {@code completions.jsonl}
 * @param notApplicable one line for each group of given keys that have no meaning here, for the
 *     run's output
 */
public record GrpoConfig(
    Optional<String> model,
    DataConfig data,
    ChatConfig chat,
    BatchConfig batch,
    SamplingConfig sampling,
    LossConfig loss,
    RewardConfig rewards,
    GsrmConfig gsrm,
    OptimizerConfig optimizer,
    Optional<LoraConfig> lora,
    RunConfig run,
    MachineConfig machine,
    boolean shuffleDataset,
    boolean logCompletions,
    List<String> notApplicable) {

  /** TRL's GRPOConfig. */
  private static final Key<Double> LEARNING_RATE = OptimizerConfig.learningRate(1e-6);

  /** Every key with its standing. */
  public static KeyTable keys() {
    return GrpoKeys.table().acts(List.of(LEARNING_RATE));
  }

  /**
   * Reads a configuration.
   *
   * @param file YAML, or none for the defaults
   * @param settings {@code key=value}, nested keys with dots ({@code rlkd.gsrm.judge=lexical});
   *     they win over the file
   * @throws org.rlkd.core.InputException if the file cannot be read
   * @throws org.rlkd.core.UsageException with every problem of the file and the settings, each with
   *     its line
   */
  public static GrpoConfig load(Optional<Path> file, List<String> settings) {
    Values values = Values.read(keys(), file, settings);
    GrpoConfig config =
        new GrpoConfig(
            values.get(TrainingKeys.MODEL),
            DataConfig.read(values, GrpoKeys.PROMPT_COLUMN),
            ChatConfig.read(values, values.get(GrpoKeys.SYSTEM_PROMPT), GrpoKeys.TEMPLATE_KWARGS),
            BatchConfig.read(values),
            SamplingConfig.read(values),
            LossConfig.read(values),
            RewardConfig.read(values),
            GsrmConfig.read(values),
            OptimizerConfig.read(values, LEARNING_RATE),
            LoraConfig.read(values),
            RunConfig.read(values),
            MachineConfig.read(values),
            values.get(GrpoKeys.SHUFFLE),
            values.get(GrpoKeys.LOG_COMPLETIONS),
            values.notApplicable());
    values.throwFindings();
    return config;
  }
}
