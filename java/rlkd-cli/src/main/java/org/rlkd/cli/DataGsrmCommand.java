package org.rlkd.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.DecomposerConfig;
import org.rlkd.core.config.GrpoConfig;
import org.rlkd.core.config.GsrmConfig;
import org.rlkd.core.data.conversion.DecompositionRows;
import org.rlkd.core.gsrm.DecompositionPrompt;
import org.rlkd.engine.gsrm.GsrmDecomposer;
import org.rlkd.engine.tensor.Device;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code rlkd data gsrm}: conversations from which {@code rlkd sft} trains a decomposer. */
@Command(
    name = "gsrm",
    description = {
      "Makes training data of a GSRM: a decomposer takes reasoning apart, and a model is to learn it.",
      "Rows in: problem and reasoning, or teacher_paths, or generations with correctness_math_verify."
          + " Rows out: messages, for rlkd sft with assistant_only_loss.",
      "Started again after it was killed, it goes on where it was."
    },
    mixinStandardHelpOptions = true)
final class DataGsrmCommand implements Runnable {
  @Mixin private ConversionOptions conversion;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FILE",
      description = "A name that ends in .jsonl, .jsonl.gz or .parquet.")
  private Path out;

  @Option(
      names = "--decomposer",
      paramLabel = "NAME",
      description =
          "tagged, gsm8k-socratic, endpoint, or the directory of a model. Default: tagged.")
  private String decomposer;

  @Option(
      names = "--paths",
      defaultValue = "1",
      paramLabel = "N",
      description = "Most reasonings of each problem. Default: ${DEFAULT-VALUE}.")
  private int paths;

  @Option(
      names = "--batch-size",
      defaultValue = "32",
      paramLabel = "N",
      description = "Problems that are decomposed at a time. Default: ${DEFAULT-VALUE}.")
  private int batchSize;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description =
          "A key of train's configuration, such as rlkd.gsrm.domain=code or"
              + " rlkd.gsrm.decomposer_endpoint.base_url=URL. May be repeated.")
  private List<String> settings = List.of();

  @Option(names = "--threads", paramLabel = "N", description = "CPU threads. Default: all.")
  private Integer threads;

  @Override
  public void run() {
    if (paths < 1 || batchSize < 1) {
      throw new UsageException(
          "--paths %d, --batch-size %d: expected at least 1".formatted(paths, batchSize));
    }
    ModelOptions.setThreads(threads);
    List<String> all = new ArrayList<>(settings);
    if (decomposer != null) {
      all.add("rlkd.gsrm.decomposer=" + decomposer);
    }
    GsrmConfig config = GrpoConfig.load(Optional.empty(), all).gsrm();
    try (GsrmDecomposer opened = GsrmDecomposer.open(config, Device.CPU)) {
      conversion.run(
          "data gsrm",
          List.of(out),
          new DecompositionRows(opened.decomposer(), prompt(config.decomposing()), paths),
          batchSize);
    }
  }

  /** What the GSRM will be asked: as the decomposer that is a model is. */
  private static DecompositionPrompt prompt(DecomposerConfig config) {
    return config
        .prompt()
        .map(file -> DecompositionPrompt.read(Path.of(file)))
        .orElseGet(() -> DecompositionPrompt.of(config.domain()));
  }
}
