package org.rlkd.core.config;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Keys of {@code rlkd sft}: TRL's SFTConfig and rlkd's own. */
final class SftKeys {

  private SftKeys() {}

  static final Key<Integer> MAX_LENGTH = new Key<>("max_length", ValueType.integer(2), 1024);

  /** TRL's older name of max_length. */
  static final Key<Optional<Integer>> MAX_SEQ_LENGTH =
      Key.optional("max_seq_length", ValueType.integer(2));

  static final Key<Optional<String>> TEXT_FIELD =
      new Key<>("dataset_text_field", ValueType.TEXT.orNull(), Optional.of("text"));
  static final Key<Boolean> ASSISTANT_ONLY =
      new Key<>("assistant_only_loss", ValueType.FLAG, false);
  static final Key<Optional<Boolean>> COMPLETION_ONLY =
      Key.optional("completion_only_loss", ValueType.FLAG);
  static final Key<SamplingStrategy> SAMPLING =
      new Key<>(
          "train_sampling_strategy",
          ValueType.choice(SamplingStrategy.class),
          SamplingStrategy.RANDOM);
  static final Key<Boolean> PACKING = new Key<>("packing", ValueType.FLAG, false);
  static final Key<PackingStrategy> PACKING_STRATEGY =
      new Key<>("packing_strategy", ValueType.choice(PackingStrategy.class), PackingStrategy.BFD);
  static final Key<Optional<String>> TEMPLATE_PATH =
      Key.optional("chat_template_path", ValueType.TEXT);
  static final Key<Optional<Map<String, Object>>> TEMPLATE_KWARGS =
      Key.optional("chat_template_kwargs", ValueType.mapping());

  private static final List<Key<?>> ACTING =
      List.of(
          MAX_LENGTH,
          MAX_SEQ_LENGTH,
          TEXT_FIELD,
          ASSISTANT_ONLY,
          COMPLETION_ONLY,
          SAMPLING,
          PACKING,
          PACKING_STRATEGY,
          TEMPLATE_PATH,
          TEMPLATE_KWARGS);

  static KeyTable table() {
    return TrainingKeys.table()
        .acts(ACTING)
        .differs("max_length", "null (no limit) is refused")
        .differs(
            "assistant_only_loss",
            "a template without generation marks works too: what a turn adds to the text is learned")
        .differs("chat_template_path", "a local file")
        .differs("packing", "attention keeps to each document under every strategy")
        .differs(
            "packing_strategy",
            "wrapped is refused: tokens would see the documents before their own")
        .notApplicable(
            "saves memory in PyTorch and leaves the result alone", "activation_offloading")
        .notApplicable(
            "no batch is ever padded: its sequences stand one after another, and attention keeps to"
                + " each",
            "padding_free")
        .notApplicable("every epoch goes through the rows in a new random order", "shuffle_dataset")
        .notApplicable(
            "open-r1 uses it for its benchmarks alone; write system messages into the rows",
            "system_prompt")
        .refused(
            "eval_packing",
            "held-out rows are measured one document a row, so that the loss is that of the same"
                + " rows whatever the packing",
            "false",
            "null")
        .refused("loss_type", "the loss is the negative log-likelihood", "nll")
        .refused("truncation_mode", "long rows keep their start", "keep_start")
        .refused("eos_token", "set it in the model's tokenizer_config.json", "null")
        .refused("pad_token", "set it in the model's tokenizer_config.json", "null")
        .refused("dataset_kwargs", "rows are prepared in one way", "null");
  }
}
