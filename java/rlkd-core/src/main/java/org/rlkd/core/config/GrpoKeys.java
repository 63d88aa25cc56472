package org.rlkd.core.config;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Keys of {@code rlkd train}: TRL's GRPOConfig, open-r1's GRPOScriptArguments, rlkd's own. */
final class GrpoKeys {

  private GrpoKeys() {}

  // Batches.
  static final Key<Integer> GENERATIONS = new Key<>("num_generations", ValueType.integer(2), 8);
  static final Key<Optional<Integer>> GENERATIONS_EVAL =
      Key.optional("num_generations_eval", ValueType.integer(1));
  static final Key<Optional<Integer>> GENERATION_BATCH =
      Key.optional("generation_batch_size", ValueType.integer(1));
  static final Key<Optional<Integer>> STEPS_PER_GENERATION =
      Key.optional("steps_per_generation", ValueType.integer(1));
  static final Key<Integer> ITERATIONS = new Key<>("num_iterations", ValueType.integer(1), 1);
  static final Key<Optional<String>> PROMPT_COLUMN =
      Key.optional("dataset_prompt_column", ValueType.TEXT);

  // Sampling.
  static final Key<Optional<String>> SYSTEM_PROMPT = Key.optional("system_prompt", ValueType.TEXT);
  static final Key<Optional<Integer>> MAX_PROMPT =
      Key.optional("max_prompt_length", ValueType.integer(1));
  static final Key<Integer> MAX_COMPLETION =
      new Key<>("max_completion_length", ValueType.integer(1), 512);
  static final Key<Double> TEMPERATURE = new Key<>("temperature", ValueType.above(0), 1.0);
  static final Key<Double> TOP_P =
      new Key<>("top_p", ValueType.number("above 0 to 1", n -> n > 0 && n <= 1), 1.0);
  static final Key<Integer> TOP_K = new Key<>("top_k", ValueType.integer(0), 0);
  static final Key<Optional<Double>> MIN_P =
      Key.optional("min_p", ValueType.number("from 0 to 1", n -> n >= 0 && n <= 1));
  static final Key<Double> REPETITION_PENALTY =
      new Key<>("repetition_penalty", ValueType.above(0), 1.0);
  static final Key<Optional<Map<String, Object>>> TEMPLATE_KWARGS =
      Key.optional("chat_template_kwargs", ValueType.mapping());

  // Loss.
  static final Key<LossType> LOSS =
      new Key<>("loss_type", ValueType.choice(LossType.class), LossType.DAPO);
  static final Key<Double> BETA = new Key<>("beta", ValueType.atLeast(0), 0.0);
  static final Key<Double> EPSILON = new Key<>("epsilon", ValueType.atLeast(0), 0.2);
  static final Key<Optional<Double>> EPSILON_HIGH =
      Key.optional("epsilon_high", ValueType.atLeast(0));
  static final Key<Optional<Double>> DELTA = Key.optional("delta", ValueType.above(0));
  static final Key<ImportanceSamplingLevel> LEVEL =
      new Key<>(
          "importance_sampling_level",
          ValueType.choice(ImportanceSamplingLevel.class),
          ImportanceSamplingLevel.TOKEN);
  static final Key<ScaleRewards> SCALE =
      new Key<>("scale_rewards", scaleRewards(), ScaleRewards.GROUP);
  static final Key<Aggregation> AGGREGATION =
      new Key<>(
          "multi_objective_aggregation",
          ValueType.choice(Aggregation.class),
          Aggregation.SUM_THEN_NORMALIZE);
  static final Key<Boolean> MASK_TRUNCATED =
      new Key<>("mask_truncated_completions", ValueType.FLAG, false);
  static final Key<Boolean> BIAS_CORRECTION =
      new Key<>("use_bias_correction_kl", ValueType.FLAG, true);
  static final Key<Double> TOP_ENTROPY =
      new Key<>(
          "top_entropy_quantile", ValueType.number("above 0 to 1", n -> n > 0 && n <= 1), 1.0);
  static final Key<Double> SAPO_POSITIVE =
      new Key<>("sapo_temperature_pos", ValueType.above(0), 1.0);
  static final Key<Double> SAPO_NEGATIVE =
      new Key<>("sapo_temperature_neg", ValueType.above(0), 1.05);
  static final Key<Double> VESPO_K_POSITIVE = new Key<>("vespo_k_pos", ValueType.number(), 2.0);
  static final Key<Double> VESPO_LAMBDA_POSITIVE =
      new Key<>("vespo_lambda_pos", ValueType.number(), 3.0);
  static final Key<Double> VESPO_K_NEGATIVE = new Key<>("vespo_k_neg", ValueType.number(), 3.0);
  static final Key<Double> VESPO_LAMBDA_NEGATIVE =
      new Key<>("vespo_lambda_neg", ValueType.number(), 2.0);

  static final Key<Optional<Double>> OFF_POLICY_THRESHOLD =
      Key.optional("off_policy_mask_threshold", ValueType.number());

  // Entropy bonus.
  static final Key<Double> ENTROPY_COEF = new Key<>("entropy_coef", ValueType.number(), 0.0);
  static final Key<Boolean> ADAPTIVE_ENTROPY =
      new Key<>("use_adaptive_entropy", ValueType.FLAG, false);
  static final Key<Double> ENTROPY_MIN = new Key<>("entropy_coef_min", ValueType.number(), 0.0);
  static final Key<Double> ENTROPY_MAX = new Key<>("entropy_coef_max", ValueType.number(), 1.0);
  static final Key<Double> ENTROPY_DELTA =
      new Key<>("entropy_coef_delta", ValueType.atLeast(0), 0.005);
  static final Key<Double> ENTROPY_TARGET = new Key<>("entropy_target", ValueType.number(), 0.2);

  // Ratio between trainer and sampler.
  static final Key<Boolean> USE_VLLM = new Key<>("use_vllm", ValueType.FLAG, false);
  static final Key<Boolean> RATIO_CORRECTION =
      new Key<>("vllm_importance_sampling_correction", ValueType.FLAG, true);
  static final Key<SamplerRatioMode> RATIO_MODE =
      new Key<>(
          "vllm_importance_sampling_mode",
          ValueType.choice(SamplerRatioMode.class),
          SamplerRatioMode.SEQUENCE_MASK);
  static final Key<Optional<Double>> RATIO_MIN =
      Key.optional("vllm_importance_sampling_clip_min", ValueType.atLeast(0));
  static final Key<Optional<Double>> RATIO_MAX =
      new Key<>("vllm_importance_sampling_clip_max", ValueType.above(0).orNull(), Optional.of(3.0));

  /** TRL's older name of vllm_importance_sampling_clip_max. */
  static final Key<Optional<Double>> RATIO_CAP =
      Key.optional("vllm_importance_sampling_cap", ValueType.above(0));

  static final Key<Boolean> SHUFFLE = new Key<>("shuffle_dataset", ValueType.FLAG, true);

  static final Key<Boolean> LOG_COMPLETIONS = new Key<>("log_completions", ValueType.FLAG, false);

  private static final List<Key<?>> ACTING =
      List.of(
          GENERATIONS,
          GENERATIONS_EVAL,
          GENERATION_BATCH,
          STEPS_PER_GENERATION,
          ITERATIONS,
          PROMPT_COLUMN,
          SYSTEM_PROMPT,
          MAX_PROMPT,
          MAX_COMPLETION,
          TEMPERATURE,
          TOP_P,
          TOP_K,
          MIN_P,
          REPETITION_PENALTY,
          TEMPLATE_KWARGS,
          LOSS,
          BETA,
          EPSILON,
          EPSILON_HIGH,
          DELTA,
          LEVEL,
          SCALE,
          AGGREGATION,
          MASK_TRUNCATED,
          BIAS_CORRECTION,
          TOP_ENTROPY,
          SAPO_POSITIVE,
          SAPO_NEGATIVE,
          VESPO_K_POSITIVE,
          VESPO_LAMBDA_POSITIVE,
          VESPO_K_NEGATIVE,
          VESPO_LAMBDA_NEGATIVE,
          OFF_POLICY_THRESHOLD,
          ENTROPY_COEF,
          ADAPTIVE_ENTROPY,
          ENTROPY_MIN,
          ENTROPY_MAX,
          ENTROPY_DELTA,
          ENTROPY_TARGET,
          USE_VLLM,
          RATIO_CORRECTION,
          RATIO_MODE,
          RATIO_MIN,
          RATIO_MAX,
          RATIO_CAP,
          SHUFFLE,
          LOG_COMPLETIONS);

  /** TRL takes group, batch, none, and true and false for group and none. */
  private static ValueType<ScaleRewards> scaleRewards() {
    ValueType<ScaleRewards> names = ValueType.choice(ScaleRewards.class);
    return new ValueType<>(
        names.expected(),
        value -> {
          Optional<ScaleRewards> named = names.reader().apply(value);
          return named.isPresent()
              ? named
              : ValueType.FLAG
                  .reader()
                  .apply(value)
                  .map(scales -> scales ? ScaleRewards.GROUP : ScaleRewards.NONE);
        });
  }

  static KeyTable table() {
    return TrainingKeys.table()
        .acts(ACTING)
        .acts(RewardKeys.all())
        .acts(GsrmKeys.all())
        .differs(
            "use_vllm",
            "generation is rlkd's own; true multiplies the loss by the ratio of trainer and sampler,"
                + " as TRL does with vLLM")
        .differs("use_adaptive_entropy", "refused together with top_entropy_quantile below 1")
        .differs(
            "num_generations_eval",
            "where it is not given, whole groups are evaluated whatever per_device_eval_batch_size")
        .differs("max_completion_length", "null (no limit) is refused")
        .differs("num_generations", "null is refused")
        .differs("temperature", "0 is refused: all completions of a prompt would be the same")
        .notApplicable(
            "generation is rlkd's own, in the same process and with the same weights as training",
            "vllm_mode",
            "vllm_device",
            "vllm_dtype",
            "vllm_enable_sleep_mode",
            "vllm_gpu_memory_utilization",
            "vllm_group_port",
            "vllm_max_model_len",
            "vllm_max_model_length",
            "vllm_model_impl",
            "vllm_server_base_url",
            "vllm_server_host",
            "vllm_server_port",
            "vllm_server_timeout",
            "vllm_tensor_parallel_size",
            "vllm_enable_prefix_caching",
            "ds3_gather_for_generation",
            "cache_implementation",
            "use_transformers_paged",
            "use_transformers_continuous_batching",
            "transformers_continuous_batching_config")
        .notApplicable(
            "logits are fp32, and the models have no dropout",
            "cast_lm_head_to_fp32",
            "disable_dropout")
        .notApplicable(
            "completions go to completions.jsonl under output_dir where log_completions is true",
            "log_completions_hub_repo",
            "log_multimodal",
            "log_unique_prompts",
            "wandb_log_unique_prompts",
            "num_completions_to_print")
        .notApplicable(
            "used with sync_ref_model alone, which must be false",
            "ref_model_mixup_alpha",
            "ref_model_sync_steps")
        .notApplicable(
            "used by rewards that execute code, which do not exist here",
            "code_eval_test_batch_size",
            "parallel_code_exec_per_proc",
            "e2b_router_url",
            "morph_router_url",
            "code_provider",
            "ioi_provider")
        .notApplicable("used by tools, which are not supported", "max_tool_calling_iterations")
        .notApplicable("the loss is always one fused pass", "use_liger_loss")
        .refused("train_sampling_strategy", "prompts come in random order", "random")
        .refused("sync_ref_model", "the reference model stays as it was loaded", "false")
        .refused(
            "generation_kwargs",
            "set temperature, top_p, top_k, min_p and repetition_penalty",
            "null")
        .refused("vllm_structured_outputs_regex", "guided decoding is not implemented", "null")
        .refused("vllm_guided_decoding_regex", "guided decoding is not implemented", "null");
  }
}
