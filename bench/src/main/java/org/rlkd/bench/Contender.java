package org.rlkd.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import org.bytedeco.javacpp.PointerScope;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.JudgePrecision;
import org.rlkd.core.gsrm.AlignmentOptions.Alignment;
import org.rlkd.engine.memory.ProcessMemory;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelConfig;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.tensor.CpuThreads;
import org.rlkd.engine.training.GrpoTrainer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * {@code rlkd bench contend}: rlkd's side of {@code bench/peers/compare.py}. It does one round for
 * each line "go" on its standard input and answers in JSON; {@code bench/peers/turns.py} tells the
 * protocol.
 */
@Command(
    name = "contend",
    description = "One contender of bench/peers/compare.py, which starts it.",
    mixinStandardHelpOptions = true)
final class Contender implements Runnable {
  private static final OperatingSystemMXBean PROCESS =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  @Parameters(
      index = "0",
      paramLabel = "WORK",
      description = "generate, step, step-checkpointing, head, judge, maths, prefix or monotone.")
  private String work;

  @Parameters(
      index = "1",
      paramLabel = "SUBJECT",
      description =
          "A model's directory; for head: streaming, or products (the three alone); for judge:"
              + " float32 or int8; for maths: verifier; for prefix and monotone alignment: kernel,"
              + " objects or arrays.")
  private String subject;

  @Parameters(
      index = "2",
      paramLabel = "SHAPE",
      description =
          "Prompts x completions of each x tokens of a prompt x tokens of a completion; for head:"
              + " rows x hidden x vocabulary; for prefix and monotone: pairs x student steps x"
              + " teacher steps; for judge and maths: the file of pairs.")
  private String shape;

  @Parameters(index = "3", paramLabel = "THREADS", description = "Threads of all libraries.")
  private int threads;

  @Override
  public void run() {
    PrintStream answers = System.out;
    System.setOut(System.err); // what libraries print belongs to the log
    CpuThreads.set(threads);
    try {
      switch (work) {
        case "generate" -> generate(answers);
        case "step" -> step(answers, false);
        case "step-checkpointing" -> step(answers, true);
        case "head" -> head(answers);
        case "judge" -> judge(answers);
        case "maths" -> serve(answers, new MathsVerdicts(Path.of(shape)));
        case "prefix" -> serve(answers, StructureScoring.of(Alignment.PREFIX, subject, sizes(3)));
        case "monotone" ->
            serve(answers, StructureScoring.of(Alignment.MONOTONE, subject, sizes(3)));
        default ->
            throw new UsageException(
                ("found work '%s'; expected generate, step, step-checkpointing, head, judge, maths,"
                        + " prefix or monotone")
                    .formatted(work));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private GrpoWorkload workload(ModelConfig config) {
    int[] size = sizes(4);
    return new GrpoWorkload(
        config.hiddenSize(),
        config.layers(),
        config.vocabSize(),
        size[0],
        size[1],
        size[2],
        size[3]);
  }

  private int[] sizes(int count) {
    int[] size = Arrays.stream(Shape.of(shape)).mapToInt(Math::toIntExact).toArray();
    if (size.length != count) {
      throw new UsageException(
          "found shape '%s'; expected %d sizes with x between them".formatted(shape, count));
    }
    return size;
  }

  private void generate(PrintStream answers) throws IOException {
    try (CausalLm model = ModelDirectory.load(Path.of(subject))) {
      model.setTrainable(false);
      GrpoWorkload workload = workload(model.config());
      GenerationBenchmark.verify(workload, model);
      long[] step = {1};
      serve(
          answers,
          () ->
              workload.generate(model, step[0]++).stream()
                  .flatMap(group -> group.stream())
                  .mapToLong(completion -> completion.length())
                  .sum());
    }
  }

  private void step(PrintStream answers, boolean checkpointing) throws IOException {
    try (CausalLm model = ModelDirectory.load(Path.of(subject))) {
      GrpoWorkload workload = workload(model.config());
      try (GrpoTrainer trainer = workload.trainer(model, checkpointing)) {
        serve(
            answers,
            () -> {
              StepBenchmark.verify(trainer.step(), workload);
              return Math.round(workload.tokens());
            });
      }
    }
  }

  private void head(PrintStream answers) throws IOException {
    sizes(3);
    LinearLogprobBenchmark head = new LinearLogprobBenchmark();
    head.shape = shape;
    head.setUp();
    // Linux: the peak that is told at the end is the rounds', not that of the check in double.
    Files.writeString(Path.of("/proc/self/clear_refs"), "5");
    CpuThreads.set(threads); // a benchmark takes its threads from elsewhere
    Runnable round =
        switch (subject) {
          case "streaming" -> () -> head.linear_logprob(null);
          case "products" -> head::products;
          default ->
              throw new UsageException(
                  "found head '%s'; expected streaming or products".formatted(subject));
        };
    serve(
        answers,
        () -> {
          round.run();
          return 0;
        });
    head.tearDown();
  }

  private void judge(PrintStream answers) throws IOException {
    JudgePrecision precision =
        switch (subject) {
          case "float32" -> JudgePrecision.FLOAT32;
          case "int8" -> JudgePrecision.INT8;
          default ->
              throw new UsageException(
                  "found precision '%s'; expected float32 or int8".formatted(subject));
        };
    try (SentenceSimilarity similarity =
        new SentenceSimilarity(precision, Path.of(shape), threads)) {
      serve(answers, similarity);
    }
  }

  private static void serve(PrintStream answers, Round round) throws IOException {
    timed(round);
    answers.printf("{\"ready\": true, \"results\": %s}%n", Arrays.toString(round.results()));
    BufferedReader turns =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    while ("go".equals(turns.readLine())) {
      answers.println(timed(round));
    }
    answers.printf(Locale.ROOT, "{\"peak_mb\": %d}%n", ProcessMemory.peak().orElseThrow() >> 20);
  }

  private static String timed(Round round) {
    round.prepare();
    try (PointerScope scope = new PointerScope()) {
      long cpu = PROCESS.getProcessCpuTime();
      long start = System.nanoTime();
      long items = round.run();
      double seconds = (System.nanoTime() - start) / 1e9;
      double cpuSeconds = (PROCESS.getProcessCpuTime() - cpu) / 1e9;
      return String.format(
          Locale.ROOT,
          "{\"seconds\": %.6f, \"cpu_seconds\": %.6f%s}",
          seconds,
          cpuSeconds,
          items == 0 ? "" : ", \"items\": " + items);
    }
  }
}
