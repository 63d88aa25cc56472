package org.rlkd.engine.training;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.rlkd.core.InputException;
import org.rlkd.core.config.LossType;
import org.rlkd.engine.generation.Generator;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.model.SaveOptions;
import org.rlkd.engine.tensor.CpuThreads;
import org.rlkd.engine.tokenizer.Tokenizer;
import org.rlkd.engine.training.metrics.JsonlMetricSink;
import org.rlkd.engine.training.metrics.MetricSink;
import org.rlkd.engine.training.metrics.TensorBoardSink;

/**
 * A GRPO run of six steps in a process of its own, with a checkpoint after every third, that goes
 * on from the newest checkpoint in its output directory. It says "step N" after each step.
 */
final class ForkedRun {
  static final int STEPS = 6;

  private ForkedRun() {}

  /** Arguments: output directory, milliseconds to wait after each step. */
  public static void main(String[] args) throws InterruptedException {
    try {
      run(Path.of(args[0]), Long.parseLong(args[1]));
    } catch (InputException e) {
      System.out.println("InputException: " + e.getMessage());
      System.exit(1);
    }
  }

  private static void run(Path output, long pause) {
    CpuThreads.set(1);
    GrpoOptions options = TinyGrpo.options(STEPS, LossType.DAPO);
    try (RunLock lock = RunLock.acquire(output)) {
      CheckpointStore store = new CheckpointStore(output, 0);
      Optional<Path> checkpoint = store.latest();
      long from = checkpoint.map(CheckpointStore::stepOf).orElse(0L);
      try (Tokenizer tokenizer = TinyGrpo.tokenizer(output);
          CausalLm model =
              checkpoint.map(ModelDirectory::load).orElseGet(() -> TinyModels.qwen2(1));
          CompletionLog log = new CompletionLog(output.resolve("completions.jsonl"), from);
          MetricSink sink =
              MetricSink.all(
                  new JsonlMetricSink(output.resolve("metrics.jsonl"), from),
                  new TensorBoardSink(output, from));
          GrpoTrainer trainer =
              new GrpoTrainer(
                  model,
                  null,
                  new Generator(model),
                  tokenizer,
                  TinyGrpo.prompts(12),
                  List.of(TinyGrpo.evenWords()),
                  options,
                  log)) {
        checkpoint.ifPresent(trainer::restoreState);
        new TrainingRun(
                trainer,
                sink,
                report -> {
                  System.out.println("step " + report.step());
                  sleep(pause);
                  return true;
                },
                store,
                dir ->
                    ModelDirectory.write(
                        dir, model, TinyModels.generationConfig(), SaveOptions.FLOAT32),
                3,
                Optional.empty())
            .run();
      }
    }
  }

  private static void sleep(long milliseconds) {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** A process of this JVM's kind that runs a main class of the tests. */
  static Process start(Class<?> main, List<String> prefix, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(prefix);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
            "-Dorg.bytedeco.javacpp.maxBytes=0"));
    String cache = System.getProperty("org.bytedeco.javacpp.cachedir");
    if (cache != null) {
      command.add("-Dorg.bytedeco.javacpp.cachedir=" + cache);
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  /** Reads the process's output to its end, or to the line. */
  static List<String> readTo(Process process, String lastLine) throws IOException {
    List<String> lines = new ArrayList<>();
    BufferedReader reader =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    for (String line = reader.readLine(); line != null; line = reader.readLine()) {
      lines.add(line);
      if (line.equals(lastLine)) {
        break;
      }
    }
    return lines;
  }

  /** Every file below a directory, by its path in it. */
  static List<String> files(Path directory) throws IOException {
    try (var files = Files.walk(directory)) {
      return files
          .filter(Files::isRegularFile)
          .map(file -> directory.relativize(file).toString())
          .sorted()
          .toList();
    }
  }
}
