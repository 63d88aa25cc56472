package org.rlkd.core.config;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Keys that GRPO and SFT share: transformers' TrainingArguments, TRL's ModelConfig and
 * ScriptArguments, rlkd's own.
 */
final class TrainingKeys {

  private TrainingKeys() {}

  // Model and tokenizer.
  static final Key<Optional<String>> MODEL = Key.optional("model_name_or_path", ValueType.TEXT);
  static final Key<Optional<String>> CHAT_TEMPLATE = Key.optional("chat_template", ValueType.TEXT);

  // Data.
  static final Key<Optional<String>> DATASET = Key.optional("dataset_name", ValueType.TEXT);
  static final Key<Optional<String>> DATASET_CONFIG =
      Key.optional("dataset_config", ValueType.TEXT);
  static final Key<String> TRAIN_SPLIT = new Key<>("dataset_train_split", ValueType.TEXT, "train");
  static final Key<List<String>> DATASET_FILES =
      new Key<>("rlkd.dataset_files", ValueType.listOf(ValueType.TEXT), List.of());

  // Batches and steps.
  static final Key<Integer> TRAIN_BATCH =
      new Key<>("per_device_train_batch_size", ValueType.integer(1), 8);
  static final Key<Integer> ACCUMULATION =
      new Key<>("gradient_accumulation_steps", ValueType.integer(1), 1);
  static final Key<Integer> MAX_STEPS = new Key<>("max_steps", ValueType.integer(-1), -1);
  static final Key<Double> EPOCHS = new Key<>("num_train_epochs", ValueType.above(0), 3.0);
  static final Key<Long> SEED = new Key<>("seed", ValueType.longInteger(0), 42L);

  // Optimizer and schedule.
  static final Key<Double> ADAM_BETA1 = new Key<>("adam_beta1", fraction(), 0.9);
  static final Key<Double> ADAM_BETA2 = new Key<>("adam_beta2", fraction(), 0.999);
  static final Key<Double> ADAM_EPSILON = new Key<>("adam_epsilon", ValueType.above(0), 1e-8);
  static final Key<Double> WEIGHT_DECAY = new Key<>("weight_decay", ValueType.atLeast(0), 0.0);
  static final Key<Double> MAX_GRAD_NORM = new Key<>("max_grad_norm", ValueType.atLeast(0), 1.0);
  static final Key<Scheduler> SCHEDULER =
      new Key<>("lr_scheduler_type", ValueType.choice(Scheduler.class), Scheduler.LINEAR);
  static final Key<Optional<Map<String, Object>>> SCHEDULER_KWARGS =
      Key.optional("lr_scheduler_kwargs", ValueType.mapping());
  static final Key<Double> WARMUP_STEPS = new Key<>("warmup_steps", ValueType.atLeast(0), 0.0);
  static final Key<Optional<Double>> WARMUP_RATIO =
      Key.optional("warmup_ratio", ValueType.number("from 0 to 1", n -> n >= 0 && n <= 1));

  // Output, logging, checkpoints.
  static final Key<Optional<String>> OUTPUT_DIR = Key.optional("output_dir", ValueType.TEXT);
  static final Key<Boolean> OVERWRITE = new Key<>("overwrite_output_dir", ValueType.FLAG, false);
  static final Key<Optional<String>> RESUME =
      Key.optional("resume_from_checkpoint", ValueType.TEXT);
  static final Key<Integer> LOGGING_STEPS = new Key<>("logging_steps", ValueType.integer(1), 10);
  static final Key<Boolean> LOGGING_FIRST_STEP =
      new Key<>("logging_first_step", ValueType.FLAG, false);
  static final Key<SaveStrategy> SAVE_STRATEGY =
      new Key<>("save_strategy", ValueType.choice(SaveStrategy.class), SaveStrategy.STEPS);
  static final Key<Integer> SAVE_STEPS = new Key<>("save_steps", ValueType.integer(1), 500);
  static final Key<Optional<Integer>> SAVE_TOTAL_LIMIT =
      Key.optional("save_total_limit", ValueType.integer(1));

  // Evaluation during training.
  static final Key<Boolean> DO_EVAL = new Key<>("do_eval", ValueType.FLAG, false);
  static final Key<EvaluationStrategy> EVAL_STRATEGY =
      new Key<>("eval_strategy", evaluationStrategy(), EvaluationStrategy.NO);

  /** The older name of eval_strategy. */
  static final Key<Optional<EvaluationStrategy>> EVALUATION_STRATEGY =
      Key.optional("evaluation_strategy", evaluationStrategy());

  static final Key<Optional<Integer>> EVAL_STEPS = Key.optional("eval_steps", ValueType.integer(1));
  static final Key<Boolean> EVAL_ON_START = new Key<>("eval_on_start", ValueType.FLAG, false);
  static final Key<Integer> EVAL_BATCH =
      new Key<>("per_device_eval_batch_size", ValueType.integer(1), 8);
  static final Key<String> TEST_SPLIT = new Key<>("dataset_test_split", ValueType.TEXT, "test");
  static final Key<List<String>> EVAL_FILES =
      new Key<>("rlkd.eval_dataset_files", ValueType.listOf(ValueType.TEXT), List.of());
  static final Key<Boolean> LOAD_BEST = new Key<>("load_best_model_at_end", ValueType.FLAG, false);
  static final Key<Optional<String>> BEST_METRIC =
      Key.optional("metric_for_best_model", ValueType.TEXT);
  static final Key<Optional<Boolean>> GREATER_IS_BETTER =
      Key.optional("greater_is_better", ValueType.FLAG);
  static final Key<Optional<Integer>> PATIENCE =
      Key.optional("rlkd.early_stopping.patience", ValueType.integer(1));
  static final Key<Double> THRESHOLD =
      new Key<>("rlkd.early_stopping.threshold", ValueType.atLeast(0), 0.0);

  /** Steps in a row that may be skipped because loss or gradient is not finite. */
  static final Key<Integer> MAX_SKIPPED =
      new Key<>("rlkd.max_skipped_steps", ValueType.integer(0), 5);

  // The machine.
  static final Key<DeviceSpec> DEVICE = new Key<>("rlkd.device", ValueType.DEVICE, DeviceSpec.CPU);
  static final Key<Integer> THREADS = new Key<>("rlkd.threads", ValueType.integer(0, 4096), 0);
  static final Key<Integer> LOGPROB_TILE_MIB =
      new Key<>("rlkd.memory.logprob_tile_mib", ValueType.integer(1, 1 << 20), 256);

  static final Key<Boolean> GRADIENT_CHECKPOINTING =
      new Key<>("gradient_checkpointing", ValueType.FLAG, false);
  static final Key<Optional<Long>> MEMORY_BUDGET =
      Key.optional("rlkd.memory.budget", ValueType.BYTES);
  private static final List<Key<?>> ACTING =
      List.of(
          MODEL,
          CHAT_TEMPLATE,
          DATASET,
          DATASET_CONFIG,
          TRAIN_SPLIT,
          DATASET_FILES,
          TRAIN_BATCH,
          ACCUMULATION,
          MAX_STEPS,
          EPOCHS,
          SEED,
          ADAM_BETA1,
          ADAM_BETA2,
          ADAM_EPSILON,
          WEIGHT_DECAY,
          MAX_GRAD_NORM,
          SCHEDULER,
          SCHEDULER_KWARGS,
          WARMUP_STEPS,
          WARMUP_RATIO,
          OUTPUT_DIR,
          OVERWRITE,
          RESUME,
          LOGGING_STEPS,
          LOGGING_FIRST_STEP,
          SAVE_STRATEGY,
          SAVE_STEPS,
          SAVE_TOTAL_LIMIT,
          DO_EVAL,
          EVAL_STRATEGY,
          EVALUATION_STRATEGY,
          EVAL_STEPS,
          EVAL_ON_START,
          EVAL_BATCH,
          TEST_SPLIT,
          EVAL_FILES,
          LOAD_BEST,
          BEST_METRIC,
          GREATER_IS_BETTER,
          PATIENCE,
          THRESHOLD,
          MAX_SKIPPED,
          DEVICE,
          THREADS,
          LOGPROB_TILE_MIB,
          GRADIENT_CHECKPOINTING,
          MEMORY_BUDGET);

  private static ValueType<Double> fraction() {
    return ValueType.number("from 0 to below 1", n -> n >= 0 && n < 1);
  }

  /** transformers takes no, steps and epoch; YAML 1.1 may have made false of no. */
  private static ValueType<EvaluationStrategy> evaluationStrategy() {
    ValueType<EvaluationStrategy> names = ValueType.choice(EvaluationStrategy.class);
    return new ValueType<>(
        names.expected(),
        value ->
            names
                .reader()
                .apply(value)
                .or(
                    () ->
                        ValueType.FLAG
                            .reader()
                            .apply(value)
                            .filter(on -> !on)
                            .map(off -> EvaluationStrategy.NO)));
  }

  /** A table with the shared keys. */
  static KeyTable table() {
    return new KeyTable()
        .acts(ACTING)
        .acts(LoraConfig.keys())
        .differs("model_name_or_path", "a local directory; nothing is downloaded")
        .differs("dataset_name", "a local file or directory; nothing is downloaded")
        .differs("dataset_config", "a word in the names of the files of the directory dataset_name")
        .differs("dataset_train_split", "a word in the names of the files of dataset_name")
        .differs("dataset_test_split", "a word in the names of the files of dataset_name")
        .differs("lora_target_modules", "none given: q_proj and v_proj, as PEFT for Llama and Qwen")
        .differs("lr_scheduler_type", "five of the schedules")
        .differs("lr_scheduler_kwargs", "num_cycles, min_lr and min_lr_rate of the cosines")
        .differs("logging_steps", "whole steps; a fraction of the run is refused")
        .differs("save_steps", "whole steps; a fraction of the run is refused")
        .differs("eval_steps", "whole steps; a fraction of the run is refused")
        .differs(
            "gradient_checkpointing",
            "default false: a micro-batch goes through the network in parts, which bounds memory"
                + " without computing anything twice")
        .differs("do_eval", "evaluates at the end of training, as open-r1's scripts do")
        .differs("save_total_limit", "the best checkpoint is kept beside these")
        .notApplicable(
            "rlkd computes in fp32 on the CPU and reads weights of any of fp32, bf16 and fp16",
            "bf16",
            "fp16",
            "tf32",
            "dtype",
            "torch_dtype",
            "bf16_full_eval",
            "fp16_full_eval",
            "half_precision_backend",
            "fp16_backend",
            "fp16_opt_level")
        .notApplicable(
            "attention, caches and fused losses are rlkd's own kernels",
            "attn_implementation",
            "use_cache",
            "use_liger_kernel",
            "use_liger",
            "liger_kernel_config",
            "torch_compile",
            "torch_compile_backend",
            "torch_compile_mode",
            "torch_empty_cache_steps",
            "enable_jit_checkpoint",
            "jit_mode_eval")
        .notApplicable(
            "saves memory in PyTorch and leaves the result alone; here gradient_checkpointing and"
                + " rlkd.memory do",
            "gradient_checkpointing_kwargs",
            "activation_checkpointing",
            "activation_checkpointing_kwargs",
            "pad_to_multiple_of")
        .notApplicable("rlkd.device chooses the device", "use_cpu", "no_cuda", "use_mps_device")
        .notApplicable(
            "a training run is one process on one device",
            "accelerator_config",
            "average_tokens_across_devices",
            "ddp_backend",
            "ddp_broadcast_buffers",
            "ddp_bucket_cap_mb",
            "ddp_find_unused_parameters",
            "ddp_static_graph",
            "ddp_timeout",
            "deepspeed",
            "fsdp",
            "fsdp_config",
            "fsdp_min_num_params",
            "local_rank",
            "parallelism_config",
            "save_on_each_node",
            "log_on_each_node",
            "log_level_replica",
            "ignore_bias_buffers",
            "tpu_num_cores")
        .notApplicable(
            "rows are read straight from local files; columns that are not used stay unused",
            "dataloader_in_order",
            "dataloader_multiprocessing_context",
            "dataloader_num_workers",
            "dataloader_persistent_workers",
            "dataloader_pin_memory",
            "dataloader_prefetch_factor",
            "dataset_num_proc",
            "dataset_streaming",
            "remove_unused_columns",
            "label_names",
            "length_column_name")
        .notApplicable("models are local directories", "model_revision", "hub_token")
        .notApplicable(
            "nothing is uploaded; push_to_hub must be false",
            "hub_model_id",
            "hub_model_revision",
            "hub_strategy",
            "hub_private_repo",
            "hub_revision",
            "hub_always_push",
            "overwrite_hub_revision")
        .notApplicable(
            "metrics go to metrics.jsonl and TensorBoard files under output_dir",
            "run_name",
            "project",
            "trackio_bucket_id",
            "trackio_space_id",
            "trackio_static_space_id",
            "wandb_entity",
            "wandb_project",
            "wandb_run_group",
            "logging_dir",
            "log_level",
            "disable_tqdm",
            "logging_nan_inf_filter",
            "skip_memory_metrics",
            "include_num_input_tokens_seen",
            "include_tokens_per_second")
        .notApplicable(
            "serves transformers' evaluation loop; rlkd keeps one number of a batch and needs none"
                + " of it",
            "eval_accumulation_steps",
            "eval_do_concat_batches",
            "eval_use_gather_object",
            "prediction_loss_only",
            "batch_eval_metrics",
            "include_for_metrics",
            "include_inputs_for_metrics")
        .notApplicable("CPU runs are reproducible bit for bit anyway", "full_determinism")
        .notApplicable(
            "a checkpoint of rlkd holds the whole state", "restore_callback_states_from_checkpoint")
        .notApplicable("the command says what to do", "do_train")
        .notApplicable("every model here is a causal language model", "lora_task_type")
        .notApplicable(
            "used with quantisation alone, which must be off",
            "bnb_4bit_quant_storage",
            "bnb_4bit_quant_type",
            "use_bnb_nested_quant")
        .refused("use_dora", "DoRA is not implemented; LoRA is", "false")
        .refused("lora_modules_to_save", "an adapter here holds low-rank matrices alone", "null")
        .refused(
            "lora_target_parameters", "adapters stand on projections: lora_target_modules", "null")
        .refused("load_in_4bit", "quantised models cannot be trained", "false")
        .refused("load_in_8bit", "quantised models cannot be trained", "false")
        .refused("trust_remote_code", "rlkd runs no code of a model directory", "false")
        .refused("model_init_kwargs", "models take no further arguments", "null")
        .refused(
            "push_to_hub", "rlkd uploads nothing; upload the saved directory yourself", "false")
        .refused(
            "push_to_hub_revision",
            "rlkd uploads nothing; upload the saved directory yourself",
            "false")
        .refused(
            "report_to",
            "rlkd has no network reporting; it writes metrics.jsonl and TensorBoard files",
            "none",
            "null",
            "tensorboard")
        .refused("do_predict", "training does not predict; use 'rlkd generate'", "false")
        .refused("eval_delay", "evaluation begins with the first step that is due", "0")
        .refused("logging_strategy", "metrics are logged by steps; set logging_steps", "steps")
        .refused("save_only_model", "a checkpoint always holds what resuming needs", "false")
        .refused("ignore_data_skip", "a resumed run continues with the next batch", "false")
        .refused("optim", "the optimizer is AdamW", "adamw_torch", "adamw_torch_fused", "adamw_hf")
        .refused("optim_args", "AdamW takes its options from the adam_* keys", "null")
        .refused("optim_target_modules", "all weights are trained", "null")
        .refused("auto_find_batch_size", "set per_device_train_batch_size", "false")
        .refused("data_seed", "seed is the only seed", "null")
        .refused(
            "dataloader_drop_last", "an incomplete last batch is handled by the trainer", "false")
        .refused("debug", "debug options of transformers do not exist here", "", "null")
        .refused(
            "group_by_length",
            "the older name of train_sampling_strategy: group_by_length (rlkd sft)",
            "false")
        .refused("label_smoothing_factor", "label smoothing is not implemented", "0")
        .refused("neftune_noise_alpha", "embedding noise is not implemented", "null")
        .refused("router_aux_loss_coef", "mixture-of-experts models are not supported", "null", "0")
        .refused(
            "dataset_configs",
            "give one dataset_config, or the files in rlkd.dataset_files",
            "null")
        .refused(
            "dataset_mixture",
            "mixtures are not implemented; list the files in rlkd.dataset_files",
            "null")
        .refused("benchmarks", "there are no benchmarks after training; use 'rlkd eval'", "null")
        .refused("callbacks", "there are no callbacks", "null");
  }
}
