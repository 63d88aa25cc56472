package org.rlkd.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.Alignment;
import org.rlkd.core.config.GsrmConfig;
import org.rlkd.core.config.Normalize;
import org.rlkd.core.config.Unscorable;
import org.rlkd.core.data.Problem;
import org.rlkd.core.data.ProblemColumns;
import org.rlkd.core.reward.Reward;
import org.rlkd.core.reward.RewardOptions;
import org.rlkd.core.reward.Rewards;
import org.rlkd.engine.PretrainedModel;
import org.rlkd.engine.evaluation.Benchmark;
import org.rlkd.engine.evaluation.Evaluation;
import org.rlkd.engine.evaluation.EvaluationJournal;
import org.rlkd.engine.evaluation.EvaluationSummary;
import org.rlkd.engine.evaluation.RepeatedEvaluation;
import org.rlkd.engine.generation.Generator;
import org.rlkd.engine.generation.GeneratorOptions;
import org.rlkd.engine.generation.SamplingParameters;
import org.rlkd.engine.gsrm.Gsrm;
import org.rlkd.engine.gsrm.ModelIdentity;
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

  @Option(
      names = "--seeds",
      defaultValue = "1",
      paramLabel = "N",
      description = "Repeats with the seeds --seed to --seed + N - 1. Default: 1.")
  private int seeds;

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
      description =
          "Writes completions.jsonl and summary.json into this directory. An evaluation that was"
              + " stopped goes on from there.")
  private Path out;

  @Override
  public void run() {
    if (samples < 1) {
      throw new UsageException("--samples %d: expected at least 1".formatted(samples));
    }
    if (limit != null && limit < 1) {
      throw new UsageException("--limit %d: expected at least 1".formatted(limit));
    }
    if (seeds < 1) {
      throw new UsageException("--seeds %d: expected at least 1".formatted(seeds));
    }
    Benchmark benchmark =
        Benchmark.read(
            data,
            new ProblemColumns(null, system, true),
            limit == null ? Integer.MAX_VALUE : limit);
    List<Problem> problems = benchmark.problems();
    if (gsrm != null && problems.stream().allMatch(problem -> problem.teacherPaths().isEmpty())) {
      throw new InputException(
          "--gsrm %s: no problem of %s has a teacher path, so no structure can be compared. Add teacher paths, or leave --gsrm out."
              .formatted(gsrm, data));
    }
    try (PretrainedModel pretrained = model.load();
        TemporaryTeacherCache cache = new TemporaryTeacherCache();
        Gsrm structure =
            scoresStructure(problems)
                ? Gsrm.open(gsrmConfig(), cache.path(), pretrained.model().device())
                : null) {
      pretrained.model().setTrainable(false);
      SamplingParameters parameters = sampling.parameters(pretrained, 1);
      RepeatedEvaluation evaluation =
          new RepeatedEvaluation(
              new Evaluation(
                  new Generator(
                      pretrained.model(), pretrained.tokenizer(), GeneratorOptions.DEFAULT),
                  new PromptEncoder(pretrained.tokenizer(), Map.of()),
                  rewards(structure)),
              problems,
              samples,
              seeds,
              parameters);
      List<Integer> parts = evaluation.parts();
      try (EvaluationJournal journal =
          out == null ? null : EvaluationJournal.open(out, settings(parameters), parts)) {
        EvaluationReport report =
            new EvaluationReport(
                model.directory(),
                data,
                benchmark,
                LongStream.range(0, seeds).map(s -> parameters.seed() + s).boxed().toList(),
                run(evaluation, parts.stream().mapToInt(Integer::intValue).sum(), journal));
        if (out != null) {
          report.write(out);
        }
        System.out.print(report.table());
      }
    }
  }

  /** What the numbers depend on: a directory goes on only under the same. */
  private ObjectNode settings(SamplingParameters parameters) {
    ObjectNode settings = new ObjectMapper().createObjectNode();
    settings.put("model", ModelIdentity.of(model.directory()));
    settings.put("data", data.toAbsolutePath().normalize().toString());
    try {
      settings.put("data_bytes", Files.size(data));
    } catch (IOException e) {
      throw new InputException("%s cannot be read: %s".formatted(data, e), e);
    }
    settings.put("limit", limit);
    settings.put("system", system);
    settings.put("samples", samples);
    settings.put("seeds", seeds);
    settings.put("sampling", parameters.toString());
    settings.put("gsrm", gsrm == null ? null : ModelIdentity.of(gsrm));
    settings.put("alignment", alignment.name());
    settings.put("normalize", normalize.name());
    return settings;
  }

  private EvaluationSummary run(
      RepeatedEvaluation evaluation, int completions, EvaluationJournal journal) {
    int done = journal == null ? 0 : journal.size();
    try (Progress progress =
        new Progress("evaluate", completions, "completions", done, Duration.ZERO)) {
      return evaluation.run(journal, progress::generation);
    }
  }

  private static List<Reward> rewards(Gsrm structure) {
    List<Reward> rewards = new ArrayList<>();
    for (String name : List.of("accuracy", "format", STRUCTURE)) {
      if (structure != null || !name.equals(STRUCTURE)) {
        rewards.add(Rewards.byName(name, RewardOptions.DEFAULTS, () -> structure.reward()));
      }
    }
    return rewards;
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
