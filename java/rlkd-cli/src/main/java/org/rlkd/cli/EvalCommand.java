package org.rlkd.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.Alignment;
import org.rlkd.core.config.GsrmConfig;
import org.rlkd.core.config.Normalize;
import org.rlkd.core.config.Unscorable;
import org.rlkd.core.data.Problem;
import org.rlkd.core.data.ProblemColumns;
import org.rlkd.core.data.ProblemReader;
import org.rlkd.core.reward.Reward;
import org.rlkd.core.reward.RewardOptions;
import org.rlkd.core.reward.Rewards;
import org.rlkd.engine.PretrainedModel;
import org.rlkd.engine.evaluation.Evaluation;
import org.rlkd.engine.evaluation.EvaluationResult;
import org.rlkd.engine.generation.Generator;
import org.rlkd.engine.generation.GeneratorOptions;
import org.rlkd.engine.gsrm.Gsrm;
import org.rlkd.engine.storage.StagedDirectory;
import org.rlkd.engine.tokenizer.PromptEncoder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code rlkd eval}: how well a model answers the problems of a file. */
@Command(
    name = "eval",
    description = {
      "Samples completions of every problem and scores accuracy and format.",
      "The structure reward is added where the data has teacher paths and either brings their steps"
          + " (GSM8K socratic) or --gsrm names a decomposer."
    },
    mixinStandardHelpOptions = true)
final class EvalCommand implements Runnable {
  private static final String STRUCTURE = "structure";

  @Mixin private ModelOptions model;
  @Mixin private SamplingOptions sampling;

  @Option(
      names = "--data",
      required = true,
      paramLabel = "FILE",
      description = "JSONL or Parquet with problem and answer, and possibly teacher paths.")
  private Path data;

  @Option(
      names = "--samples",
      defaultValue = "1",
      description = "Completions for each problem (k).")
  private int samples;

  @Option(names = "--limit", paramLabel = "N", description = "Only the first N problems.")
  private Integer limit;

  @Option(
      names = "--system",
      paramLabel = "TEXT",
      description = "System message for problems that have none.")
  private String system;

  @Option(
      names = "--gsrm",
      paramLabel = "DIR",
      description = "Decomposer for the structure reward.")
  private Path gsrm;

  @Option(
      names = "--alignment",
      defaultValue = "prefix",
      description = "prefix, monotone or tree. Default: ${DEFAULT-VALUE}.")
  private Alignment alignment;

  @Option(
      names = "--normalize",
      defaultValue = "teacher",
      description = "none, teacher or max. Default: ${DEFAULT-VALUE}.")
  private Normalize normalize;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Writes completions.jsonl and summary.json into this directory, empty or new.")
  private Path out;

  @Override
  public void run() {
    if (samples < 1) {
      throw new UsageException("--samples %d: expected at least 1".formatted(samples));
    }
    if (limit != null && limit < 1) {
      throw new UsageException("--limit %d: expected at least 1".formatted(limit));
    }
    List<Problem> problems = problems();
    if (gsrm != null && problems.stream().allMatch(problem -> problem.teacherPaths().isEmpty())) {
      throw new InputException(
          "--gsrm %s: no problem of %s has a teacher path, so no structure can be compared. Add teacher paths, or leave --gsrm out."
              .formatted(gsrm, data));
    }
    try (StagedDirectory staged = out == null ? null : StagedDirectory.open(out);
        PretrainedModel pretrained = model.load()) {
      EvaluationReport report =
          new EvaluationReport(model.directory(), data, evaluate(problems, pretrained));
      if (staged != null) {
        report.write(staged.path());
        staged.commit();
      }
      System.out.print(report.table());
    }
  }

  private List<Problem> problems() {
    List<Problem> problems =
        new ProblemReader(new ProblemColumns(null, system, true)).readAll(data);
    return limit == null ? problems : problems.subList(0, Math.min(limit, problems.size()));
  }

  private EvaluationResult evaluate(List<Problem> problems, PretrainedModel pretrained) {
    pretrained.model().setTrainable(false);
    try (TemporaryTeacherCache cache = new TemporaryTeacherCache();
        Gsrm structure = scoresStructure(problems) ? Gsrm.open(gsrmConfig(), cache.path()) : null;
        Progress progress =
            new Progress("evaluate", (long) problems.size() * samples, "completions")) {
      List<Reward> rewards = new ArrayList<>();
      for (String name : List.of("accuracy", "format", STRUCTURE)) {
        if (structure != null || !name.equals(STRUCTURE)) {
          rewards.add(Rewards.byName(name, RewardOptions.DEFAULTS, () -> structure.reward()));
        }
      }
      Generator generator =
          new Generator(pretrained.model(), pretrained.tokenizer(), GeneratorOptions.DEFAULT);
      return new Evaluation(generator, new PromptEncoder(pretrained.tokenizer(), Map.of()), rewards)
          .run(problems, samples, sampling.parameters(pretrained, 1), progress.generation());
    }
  }

  private boolean scoresStructure(List<Problem> problems) {
    return gsrm != null
        || problems.stream()
            .flatMap(problem -> problem.teacherPaths().stream())
            .anyMatch(path -> path.structureOrNull() != null);
  }

  private GsrmConfig gsrmConfig() {
    return new GsrmConfig(
        Optional.ofNullable(gsrm).map(Path::toString),
        "lexical",
        alignment,
        normalize,
        0,
        true,
        Unscorable.DROP_ROW);
  }
}
