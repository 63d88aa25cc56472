package org.rlkd.engine.run;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.rlkd.core.config.BatchConfig;
import org.rlkd.core.config.DeviceSpec;
import org.rlkd.core.config.GrpoConfig;
import org.rlkd.core.config.LoraConfig;
import org.rlkd.core.config.MachineConfig;
import org.rlkd.core.config.SftConfig;
import org.rlkd.engine.generation.GeneratorOptions;
import org.rlkd.engine.memory.MemoryOptions;
import org.rlkd.engine.memory.MemoryPlan;
import org.rlkd.engine.memory.MemoryPlan.Sampling;
import org.rlkd.engine.memory.MemoryPlan.Workload;
import org.rlkd.engine.memory.ModelMemory;
import org.rlkd.engine.memory.ProcessMemory;
import org.rlkd.engine.model.ModelConfig;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.training.GrpoPrompt;
import org.rlkd.engine.training.TrainingSequence;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The memory of a run: refused where it cannot fit, planned before the first step, told at the end.
 */
final class RunMemory {
  private static final Logger LOG = LoggerFactory.getLogger(RunMemory.class);

  /** MiniLM by ONNX Runtime, measured. */
  private static final long EMBEDDING_JUDGE = 200L << 20;

  /** More tokens at once are no faster on a CPU, and leave its caches earlier. */
  private static final long CPU_TOKENS = 2048;

  /** A GPU wants larger matrix products. */
  private static final long GPU_TOKENS = 4096;

  /** Tokens that the last blocks of a prompt and of a completion may have unused. */
  private static final long BLOCKS = 32;

  private final MachineConfig machine;
  private final ModelConfig config;
  private final ModelMemory model;
  private final long otherModels;
  private MemoryPlan plan;

  private RunMemory(MachineConfig machine, Path base, Optional<LoraConfig> lora, long otherModels) {
    this.machine = machine;
    this.config = ModelDirectory.open(base).config();
    this.model = ModelMemory.of(config, lora);
    this.otherModels = otherModels;
    MemoryPlan.requireRoom(model, otherModels, machine.memoryBudget());
  }

  /**
   * Of a GRPO run, before anything is loaded.
   *
   * @throws org.rlkd.core.UsageException if weights and optimizer state alone exceed the budget
   */
  static RunMemory of(GrpoConfig grpo, Path base) {
    long others = 0;
    if (grpo.loss().beta() != 0 && grpo.lora().isEmpty()) {
      others += weights(base.toString());
    }
    if (grpo.rewards().functions().contains("structure")) {
      others += grpo.gsrm().decomposer().map(RunMemory::weights).orElse(0L);
      others += weights(grpo.gsrm().judge());
    }
    return new RunMemory(grpo.machine(), base, grpo.lora(), others);
  }

  /** Of an SFT run; as for GRPO. */
  static RunMemory of(SftConfig sft, Path base) {
    return new RunMemory(sft.machine(), base, sft.lora(), 0);
  }

  /** Bytes of the model of a directory, or of the judge of that name. */
  private static long weights(String nameOrDirectory) {
    if (nameOrDirectory.equals("embedding")) {
      return EMBEDDING_JUDGE;
    }
    Path directory = Path.of(nameOrDirectory);
    return Files.isRegularFile(directory.resolve("config.json"))
        ? ModelMemory.of(ModelDirectory.open(directory).config(), Optional.empty()).weights()
        : 0;
  }

  /**
   * Plans for prompts of which every completion may be as long as is allowed.
   *
   * @throws org.rlkd.core.UsageException if that cannot fit into the budget
   */
  MemoryPlan plan(GrpoConfig grpo, List<GrpoPrompt> prompts) {
    BatchConfig batch = grpo.batch();
    long prompt = prompts.stream().mapToLong(p -> p.tokens().length).max().orElse(0);
    long room = Math.max(1, config.maxPositionEmbeddings() - prompt);
    long completion = Math.min(grpo.sampling().maxCompletionLength(), room);
    long rows = batch.perDeviceTrainBatchSize();
    long groups = (rows + batch.numGenerations() - 1) / batch.numGenerations();
    long atOnce =
        Math.min(GeneratorOptions.DEFAULT.maxConcurrentSequences(), batch.generationBatchSize());
    long keyValue = 2L * Float.BYTES * config.layers() * config.keyValueHeads() * config.headDim();
    return plan(
        prompt + completion,
        prompt,
        rows * completion + groups * prompt,
        Optional.of(
            new Sampling(
                keyValue * (prompt + completion + BLOCKS),
                keyValue
                    * (batch.promptsPerGeneration() * (prompt + BLOCKS)
                        + atOnce * (completion + BLOCKS)))));
  }

  /**
   * Plans for sequences, of which a micro-batch may have the longest.
   *
   * @throws org.rlkd.core.UsageException if that cannot fit into the budget
   */
  MemoryPlan plan(SftConfig sft, List<TrainingSequence> data) {
    long longest =
        Math.min(
            sft.maxLength(), data.stream().mapToLong(TrainingSequence::length).max().orElse(0));
    long row = sft.packing().isPresent() ? sft.maxLength() : longest;
    return plan(longest, 0, sft.batchSize() * row, Optional.empty());
  }

  private MemoryPlan plan(long longest, long prompt, long microBatch, Optional<Sampling> sampling) {
    boolean cpu = machine.device().kind() == DeviceSpec.Kind.CPU;
    plan =
        MemoryPlan.of(
            new Workload(model, otherModels, longest, microBatch, sampling),
            MemoryOptions.of(machine)
                .withTokens(cpu ? CPU_TOKENS : GPU_TOKENS)
                .withRoomForPrompt(prompt),
            GeneratorOptions.DEFAULT.kvCacheBytes(),
            machine.memoryBudget());
    if (machine.memoryBudget().isPresent()) {
      LOG.info("memory, estimated:\n{}", plan.estimate().table().stripTrailing());
    }
    return plan;
  }

  /** Tells the estimated and the true peak of the process. */
  void report() {
    OptionalLong peak = ProcessMemory.peak();
    if (machine.device().kind() == DeviceSpec.Kind.CPU && peak.isPresent()) {
      LOG.info(
          "memory: estimated peak {} MiB, true peak of the process {} MiB",
          plan.estimate().peak() >> 20,
          peak.getAsLong() >> 20);
    }
  }
}
