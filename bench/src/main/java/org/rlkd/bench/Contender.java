package org.rlkd.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.rlkd.core.UsageException;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelConfig;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.tensor.CpuThreads;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.training.GrpoTrainer;
import org.rlkd.engine.training.StreamingLogprob;
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
  /** What a contender does in a round. */
  private interface Round {
    /** Returns the number of tokens, 0 where they are not counted. */
    long run();
  }

  @Parameters(index = "0", paramLabel = "WORK", description = "generate, step or head.")
  private String work;

  @Parameters(
      index = "1",
      paramLabel = "SUBJECT",
      description = "A model's directory; for head: streaming, or products (the three alone).")
  private String subject;

  @Parameters(
      index = "2",
      paramLabel = "SHAPE",
      description =
          "Prompts x completions of each x tokens of a prompt x tokens of a completion; for head:"
              + " rows x hidden x vocabulary.")
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
        case "step" -> step(answers);
        case "head" -> head(answers);
        default ->
            throw new UsageException(
                "found work '%s'; expected generate, step or head".formatted(work));
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
      long[] step = {0};
      serve(
          answers,
          () ->
              workload.generate(model, step[0]++).stream()
                  .flatMap(group -> group.stream())
                  .mapToLong(completion -> completion.length())
                  .sum());
    }
  }

  private void step(PrintStream answers) throws IOException {
    Path folder = Files.createTempDirectory("rlkd-contender");
    try (CausalLm model = ModelDirectory.load(Path.of(subject))) {
      GrpoWorkload workload = workload(model.config());
      try (GrpoTrainer trainer = workload.trainer(model, folder)) {
        serve(
            answers,
            () -> {
              double length = trainer.step().get("completions/mean_length");
              return Math.round(length * sizes(4)[0] * sizes(4)[1]);
            });
      }
    } finally {
      for (String file : new String[] {"tokenizer.json", "tokenizer_config.json"}) {
        Files.deleteIfExists(folder.resolve(file));
      }
      Files.delete(folder);
    }
  }

  private void head(PrintStream answers) throws IOException {
    int[] size = sizes(3);
    Inputs inputs = new Inputs(21);
    Tensor hidden = inputs.normal(1, size[0], size[1]);
    Tensor weight = inputs.normal(0.05, size[2], size[1]);
    Tensor tokens = inputs.integers(size[2], size[0]);
    Tensor gradient = inputs.normal(1, size[0]);
    Tensor weightGradient = torch.zeros(size[2], size[1]);
    try (StreamingLogprob head = new StreamingLogprob(Device.CPU)) {
      long[] cuts = head.evenCuts(size[0], size[2]);
      switch (subject) {
        case "streaming" ->
            serve(
                answers,
                () -> {
                  weightGradient.zero_();
                  head.forwardBackward(
                      hidden,
                      weight,
                      tokens,
                      1,
                      cuts,
                      (from, to, tile) ->
                          new StreamingLogprob.RowGradient(
                              gradient.narrow(0, from, to - from), null),
                      weightGradient);
                  return 0;
                });
        case "products" ->
            serve(
                answers,
                () -> {
                  weightGradient.zero_();
                  products(hidden, weight, cuts, weightGradient);
                  return 0;
                });
        default ->
            throw new UsageException(
                "found head '%s'; expected streaming or products".formatted(subject));
      }
    }
  }

  /** Logits, their products with head and hidden states, tile by tile: what cannot be avoided. */
  private static void products(Tensor hidden, Tensor weight, long[] cuts, Tensor weightGradient) {
    Tensor transposed = weight.t();
    Tensor logits = torch.empty(cuts[0], weight.size(0));
    Tensor hiddenGradient = torch.empty_like(hidden);
    long from = 0;
    for (long to : cuts) {
      Tensor tile = hidden.narrow(0, from, to - from);
      Tensor scores = logits.narrow(0, 0, to - from);
      torch.mm_out(scores, tile, transposed);
      torch.mm_out(hiddenGradient.narrow(0, from, to - from), scores, weight);
      weightGradient.addmm_(scores.t(), tile);
      from = to;
    }
  }

  private static void serve(PrintStream answers, Round round) throws IOException {
    timed(round);
    answers.println("{\"ready\": true}");
    BufferedReader turns =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    while ("go".equals(turns.readLine())) {
      answers.println(timed(round));
    }
    answers.printf(Locale.ROOT, "{\"peak_mb\": %d}%n", peakMegabytes());
  }

  private static String timed(Round round) {
    try (PointerScope scope = new PointerScope()) {
      long start = System.nanoTime();
      long tokens = round.run();
      double seconds = (System.nanoTime() - start) / 1e9;
      return tokens == 0
          ? String.format(Locale.ROOT, "{\"seconds\": %.6f}", seconds)
          : String.format(Locale.ROOT, "{\"seconds\": %.6f, \"tokens\": %d}", seconds, tokens);
    }
  }

  private static long peakMegabytes() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmHWM:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) >> 10)
        .findFirst()
        .orElseThrow();
  }
}
