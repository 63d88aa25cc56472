package org.rlkd.core.config;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Configuration of {@code rlkd sft}: what TRL calls SFTConfig, ModelConfig and ScriptArguments,
 * with TRL 1.16's names and defaults, the older names that published recipes use, and rlkd's own
 * keys under {@code rlkd}.
 *
 * @param model {@code model_name_or_path}: a local directory; the command line may give it instead
 * @param batchSize {@code per_device_train_batch_size}: rows of a micro-batch
 * @param gradientAccumulationSteps micro-batches of an optimizer step
 * @param maxLength tokens of a row; longer rows keep their start
 * @param sampling {@code train_sampling_strategy}
 * @param packing {@code packing} and {@code packing_strategy}: how documents share a row; empty:
 *     each document is a row
 * @param assistantOnlyLoss whether the assistant's text alone is learned
 * @param completionOnlyLoss whether the completion alone is learned; empty: it is where rows have a
 *     prompt and a completion
 * @param notApplicable one line for each group of given keys that have no meaning here, for the
 *     run's output
 */
public record SftConfig(
    Optional<String> model,
    DataConfig data,
    ChatConfig chat,
    int batchSize,
    int gradientAccumulationSteps,
    int maxLength,
    SamplingStrategy sampling,
    Optional<PackingStrategy> packing,
    boolean assistantOnlyLoss,
    Optional<Boolean> completionOnlyLoss,
    OptimizerConfig optimizer,
    Optional<LoraConfig> lora,
    RunConfig run,
    MachineConfig machine,
    List<String> notApplicable) {

  /** TRL's SFTConfig. */
  private static final Key<Double> LEARNING_RATE = OptimizerConfig.learningRate(2e-5);

  /** Every key with its standing. */
  public static KeyTable keys() {
    return SftKeys.table().acts(List.of(LEARNING_RATE));
  }

  /**
   * Reads a configuration; see {@link GrpoConfig#load}.
   *
   * @throws org.rlkd.core.InputException if the file cannot be read
   * @throws org.rlkd.core.UsageException with every problem of the file and the settings, each with
   *     its line
   */
  public static SftConfig load(Optional<Path> file, List<String> settings) {
    Values values = Values.read(keys(), file, settings);
    SftConfig config =
        new SftConfig(
            values.get(TrainingKeys.MODEL),
            DataConfig.read(values, SftKeys.TEXT_FIELD),
            chat(values),
            values.get(TrainingKeys.TRAIN_BATCH),
            values.get(TrainingKeys.ACCUMULATION),
            maxLength(values),
            values.get(SftKeys.SAMPLING),
            packing(values),
            values.get(SftKeys.ASSISTANT_ONLY),
            values.get(SftKeys.COMPLETION_ONLY),
            OptimizerConfig.read(values, LEARNING_RATE),
            LoraConfig.read(values),
            RunConfig.read(values),
            MachineConfig.read(values),
            values.notApplicable());
    values.throwFindings();
    return config;
  }

  private static ChatConfig chat(Values values) {
    ChatConfig chat = ChatConfig.read(values, Optional.empty(), SftKeys.TEMPLATE_KWARGS);
    Optional<String> path = values.get(SftKeys.TEMPLATE_PATH);
    if (path.isEmpty()) {
      return chat;
    }
    if (chat.template().isPresent()) {
      values.complain(SftKeys.TEMPLATE_PATH, "give either this or chat_template, not both");
    }
    return new ChatConfig(
        ChatConfig.readFile(values, SftKeys.TEMPLATE_PATH, Path.of(path.get())),
        chat.systemPrompt(),
        chat.templateVariables());
  }

  private static Optional<PackingStrategy> packing(Values values) {
    PackingStrategy strategy = values.get(SftKeys.PACKING_STRATEGY);
    return values.get(SftKeys.PACKING) ? Optional.of(strategy) : Optional.empty();
  }

  private static int maxLength(Values values) {
    Optional<Integer> older = values.get(SftKeys.MAX_SEQ_LENGTH);
    if (older.isPresent() && values.has(SftKeys.MAX_LENGTH)) {
      values.complain(
          SftKeys.MAX_SEQ_LENGTH, "this is the older name of max_length; give one of them");
    }
    return older.orElseGet(() -> values.get(SftKeys.MAX_LENGTH));
  }
}
