package org.rlkd.bench.soak;

import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.rlkd.bench.Machine;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.GrpoConfig;
import org.rlkd.engine.run.GrpoRun;
import org.rlkd.engine.tensor.CpuThreads;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rlkd bench soak}: whether memory and step time of a long run stay what they are. */
@Command(
    name = "soak",
    description = {
      "Trains by a GRPO configuration for a time, as 'rlkd train' does, with a checkpoint after every"
          + " 100 steps, and watches memory and step time. Writes soak.svg, soak.json and soak.md."
    },
    mixinStandardHelpOptions = true)
public final class SoakCommand implements Runnable {
  @Option(
      names = "--config",
      required = true,
      paramLabel = "FILE",
      description = "As of 'rlkd train', for example a quickstart's config/rlkd.yaml.")
  private Path config;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Overrides a key of the file. May be repeated.")
  private List<String> settings = List.of();

  @Option(
      names = "--minutes",
      paramLabel = "N",
      defaultValue = "60",
      description = "Default: ${DEFAULT-VALUE}.")
  private double minutes;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "1",
      description = "Threads of LibTorch, OpenBLAS and librlkd. Default: ${DEFAULT-VALUE}.")
  private int threads;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "target/bench/soak",
      description = "For the results, and in DIR/run the run. Default: ${DEFAULT-VALUE}.")
  private Path out;

  /** What soak.json holds. */
  record Report(Machine machine, String date, SoakSummary summary, List<SoakSample> samples) {}

  @Override
  public void run() {
    if (!(minutes > 0) || threads < 1) {
      throw new UsageException(
          "--minutes %s --threads %d: expected more than none".formatted(minutes, threads));
    }
    if (!Files.isRegularFile(config)) {
      throw new InputException(
          "--config %s: there is no such file, expected a YAML configuration".formatted(config));
    }
    CpuThreads.set(threads);
    List<String> all = new ArrayList<>(settings);
    all.addAll(
        List.of(
            "output_dir=" + out.resolve("run"),
            "max_steps=" + Integer.MAX_VALUE,
            "save_strategy=steps",
            "save_steps=100",
            "save_total_limit=2"));
    GrpoConfig endless = GrpoConfig.load(Optional.of(config), all);
    long seconds = Math.round(minutes * 60);
    List<SoakSample> samples;
    try (ProgressBar bar =
        new ProgressBarBuilder()
            .setTaskName("soak")
            .setInitialMax(seconds)
            .setUnit(" s", 1)
            .setStyle(ProgressBarStyle.ASCII)
            .setUpdateIntervalMillis(System.console() == null ? 60_000 : 1_000)
            .build()) {
      SoakRecorder recorder = new SoakRecorder(minutes * 60, bar::stepTo);
      new GrpoRun(endless).run(recorder);
      samples = recorder.samples();
    }
    write(samples);
  }

  private void write(List<SoakSample> samples) {
    Report report =
        new Report(
            Machine.here(threads),
            Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
            SoakSummary.of(samples),
            samples);
    String text =
        "%s; ended %s.%n%n%s".formatted(report.machine, report.date, report.summary.table());
    try {
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build()
          .writeValue(out.resolve("soak.json").toFile(), report);
      Files.writeString(out.resolve("soak.md"), text);
      Files.writeString(out.resolve("soak.svg"), SoakPlot.svg(samples));
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(out, e), e);
    }
    System.out.print(text);
    System.out.printf("%nPlot: %s%n", out.resolve("soak.svg"));
  }
}
