package org.rlkd.engine.run;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.EvaluationConfig;
import org.rlkd.core.config.GrpoConfig;
import org.rlkd.core.config.MachineConfig;
import org.rlkd.core.data.Problem;
import org.rlkd.core.data.ProblemColumns;
import org.rlkd.core.data.ProblemReader;
import org.rlkd.core.reward.Reward;
import org.rlkd.engine.evaluation.Evaluation;
import org.rlkd.engine.generation.Generator;
import org.rlkd.engine.generation.GeneratorOptions;
import org.rlkd.engine.gsrm.Gsrm;
import org.rlkd.engine.memory.MemoryPlan;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.reward.ConfiguredRewards;
import org.rlkd.engine.tensor.CpuThreads;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tokenizer.PromptEncoder;
import org.rlkd.engine.tokenizer.Tokenizer;
import org.rlkd.engine.training.CompletionLog;
import org.rlkd.engine.training.Evaluator;
import org.rlkd.engine.training.GrpoEvaluator;
import org.rlkd.engine.training.GrpoOptions;
import org.rlkd.engine.training.GrpoPrompt;
import org.rlkd.engine.training.GrpoTrainer;
import org.rlkd.engine.training.PeriodicEvaluation;
import org.rlkd.engine.training.StepListener;
import org.rlkd.engine.training.TrainingRun;
import org.rlkd.engine.training.metrics.MetricSink;

/**
 * A GRPO run by a configuration, from a model directory to a model directory: what {@code rlkd
 * train} does.
 */
public final class GrpoRun {
  private final GrpoConfig config;
  private final List<Reward> ownRewards;

  public GrpoRun(GrpoConfig config) {
    this(config, List.of());
  }

  /**
   * A run with rewards of the calling program.
   *
   * @param ownRewards what {@code reward_funcs} may name besides the built-in ones, by {@link
   *     Reward#name}; one that is not named there is refused
   */
  public GrpoRun(GrpoConfig config, List<Reward> ownRewards) {
    this.config = config;
    this.ownRewards = List.copyOf(ownRewards);
    for (Reward reward : ownRewards) {
      if (!config.rewards().functions().contains(reward.name())) {
        throw new UsageException(
            "reward_funcs: found %s, without the program's own reward '%s': add its name"
                .formatted(config.rewards().functions(), reward.name()));
      }
    }
  }

  /**
   * Trains to the end and saves the model into the output directory. A run that the listener ends
   * before leaves the checkpoint of its last step instead, from which it can be resumed.
   *
   * @param listener looks at each step
   * @return the output directory
   * @throws org.rlkd.core.InputException if a file is missing or damaged or the output directory
   *     cannot be used
   * @throws UsageException if the configuration asks for what is not there
   */
  public Path run(StepListener listener) {
    Device device = useMachine(config.machine());
    Path base = modelDirectory(config.model());
    RunMemory memory = RunMemory.of(config, base);
    List<Problem> problems = problems(DatasetFiles.training(config.data()));
    try (RunDirectory directory = RunDirectory.open(config.run());
        Trainee student =
            Trainee.load(
                base,
                config.chat().template(),
                config.lora(),
                directory.resumedFrom(),
                config.run().seed(),
                device);
        Parts parts = new Parts(config, ownRewards, base, directory, device);
        MetricSink metrics = directory.metrics();
        CompletionLog log =
            config.logCompletions()
                ? new CompletionLog(
                    directory.path().resolve("completions.jsonl"), directory.firstStep())
                : null) {
      List<GrpoPrompt> prompts = prompts(problems, student);
      MemoryPlan plan = memory.plan(config, prompts);
      Generator generator =
          new Generator(
              student.model(),
              student.tokenizer(),
              GeneratorOptions.DEFAULT.withKvCacheBytes(plan.keyValueBytes()));
      GrpoOptions options =
          GrpoOptions.of(config, Set.copyOf(student.tokenizer().specialTokens().eosIds()))
              .withMemory(plan.options());
      try (GrpoTrainer trainer =
          new GrpoTrainer(
              student.model(),
              parts.reference(student),
              generator,
              student.tokenizer(),
              prompts,
              parts.rewards,
              options,
              log)) {
        directory.resumedFrom().ifPresent(trainer::restoreState);
        Optional<PeriodicEvaluation> evaluation =
            directory.evaluation(
                trainer.stepsPerEpoch(),
                () -> evaluator(generator, student.tokenizer(), parts.rewards, options, trainer));
        boolean finished =
            new TrainingRun(
                    trainer,
                    metrics,
                    listener,
                    directory.checkpoints(),
                    student::write,
                    directory.saveSteps(trainer.stepsPerEpoch()),
                    evaluation)
                .run();
        if (finished) {
          directory.writeModel(student::write, evaluation);
        }
        memory.report();
      }
      return directory.path();
    }
  }

  private Evaluator evaluator(
      Generator generator,
      Tokenizer tokenizer,
      List<Reward> rewards,
      GrpoOptions options,
      GrpoTrainer trainer) {
    EvaluationConfig evaluation = config.run().evaluation();
    PromptEncoder prompts = new PromptEncoder(tokenizer, config.chat().templateVariables());
    return new GrpoEvaluator(
        new Evaluation(generator, prompts, rewards),
        problems(DatasetFiles.heldOut(config.data(), evaluation)),
        rewards.stream().map(Reward::name).toList(),
        options,
        evaluation.generations().orElse(config.batch().numGenerations()),
        evaluation.batchSize(),
        trainer);
  }

  private List<Problem> problems(List<Path> files) {
    ProblemReader reader =
        new ProblemReader(
            new ProblemColumns(
                config.data().column().orElse(null),
                config.chat().systemPrompt().orElse(null),
                true));
    List<Problem> problems = new ArrayList<>();
    for (Path file : files) {
      problems.addAll(reader.readAll(file));
    }
    return problems;
  }

  private List<GrpoPrompt> prompts(List<Problem> problems, Trainee student) {
    PromptEncoder encoder =
        new PromptEncoder(student.tokenizer(), config.chat().templateVariables());
    List<GrpoPrompt> prompts = new ArrayList<>();
    for (Problem problem : problems) {
      PromptEncoder.EncodedPrompt encoded = encoder.encode(problem.messages());
      prompts.add(new GrpoPrompt(problem, encoded.tokens(), encoded.text()));
    }
    return prompts;
  }

  /** The configured model directory. */
  static Path modelDirectory(Optional<String> model) {
    return Path.of(
        model.orElseThrow(
            () ->
                new UsageException(
                    "no model: set model_name_or_path to a Hugging Face directory, or give"
                        + " --model")));
  }

  /** Sets threads and opens the device, which is refused if this build or machine lacks it. */
  static Device useMachine(MachineConfig machine) {
    if (machine.threads() > 0) {
      CpuThreads.set(machine.threads());
    }
    return Device.open(machine.device());
  }

  /** What the trainer uses besides the student. */
  private static final class Parts implements AutoCloseable {
    private final List<Reward> rewards = new ArrayList<>();
    private Gsrm gsrm;
    private final boolean needsReference;
    private CausalLm reference;

    Parts(
        GrpoConfig config,
        List<Reward> ownRewards,
        Path base,
        RunDirectory directory,
        Device device) {
      this.needsReference = config.loss().beta() != 0;
      try {
        rewards.addAll(
            ConfiguredRewards.all(
                config.rewards(),
                ownRewards,
                () -> {
                  gsrm =
                      Gsrm.openForTraining(
                          config.gsrm(), directory.path().resolve("teacher-cache.jsonl"), device);
                  return gsrm.reward();
                }));
        if (config.loss().beta() != 0 && config.lora().isEmpty()) {
          reference = ModelDirectory.open(base).load(device);
          reference.setTrainable(false);
        }
      } catch (RuntimeException e) {
        close();
        throw e;
      }
    }

    /** The policy of the KL term: without LoRA a model of its own, null where there is no KL. */
    CausalLm reference(Trainee student) {
      return needsReference && student.keepsItsWeights() ? student.model() : reference;
    }

    @Override
    public void close() {
      if (gsrm != null) {
        gsrm.close();
      }
      if (reference != null) {
        reference.close();
      }
    }
  }
}
