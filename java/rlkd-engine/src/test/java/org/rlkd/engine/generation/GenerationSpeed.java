package org.rlkd.engine.generation;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelConfig;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.model.ModelFamily;
import org.rlkd.engine.model.RopeParameters;
import org.rlkd.engine.tensor.CpuThreads;

/**
 * Times generation: tokens a second over the whole call, prompts included, and bytes that Java
 * allocates for a token.
 *
 * <pre>
 * GenerationSpeed tiny [rounds] [threads]        8 prompts of 64 tokens x 8 completions of 128 tokens
 * GenerationSpeed DIRECTORY [rounds] [threads]   4 prompts of 64 tokens x 4 completions of 64 tokens
 * </pre>
 *
 * Before timing, log-probs are compared with the trainer's.
 */
final class GenerationSpeed {
  private static final int PROMPT = 64;

  public static void main(String[] arguments) {
    int rounds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 5;
    if (arguments.length > 2) {
      CpuThreads.set(Integer.parseInt(arguments[2]));
    }
    boolean tiny = arguments[0].equals("tiny");
    int prompts = tiny ? 8 : 4;
    int completions = tiny ? 8 : 4;
    SamplingParameters sampling =
        SamplingParameters.sample(tiny ? 128 : 64).withIgnoreEos(true).withSeed(3);
    try (CausalLm model = tiny ? tiny() : ModelDirectory.load(Path.of(arguments[0]))) {
      SplittableRandom random = new SplittableRandom(1);
      List<GenerationRequest> requests = new ArrayList<>();
      for (int p = 0; p < prompts; p++) {
        int[] prompt = random.ints(PROMPT, 0, model.config().vocabSize()).toArray();
        requests.add(new GenerationRequest(prompt, completions, p));
      }
      Generator generator = new Generator(model);
      List<List<Completion>> sampled = generator.generate(requests, sampling, 0);
      double difference =
          TrainerLogprobs.largestDifference(
              model, requests.get(0).promptTokens(), sampled.get(0).get(0), 1);
      if (!(difference <= 1e-4)) {
        throw new AssertionError("sampler and trainer differ by " + difference);
      }
      var thread = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
      var system =
          (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
      double[] rates = new double[rounds];
      double leastCpu = Double.MAX_VALUE;
      long allocated = 0;
      long tokens = (long) prompts * completions * sampling.maxNewTokens();
      for (int round = 0; round < rounds; round++) {
        long before = thread.getCurrentThreadAllocatedBytes();
        long cpu = system.getProcessCpuTime();
        long start = System.nanoTime();
        generator.generate(requests, sampling, round + 1);
        rates[round] = tokens / ((System.nanoTime() - start) / 1e9);
        leastCpu = Math.min(leastCpu, (system.getProcessCpuTime() - cpu) / 1e9);
        allocated = thread.getCurrentThreadAllocatedBytes() - before;
      }
      Arrays.sort(rates);
      System.out.printf(
          Locale.ROOT,
          "%s: %d threads, %d rounds: best %.0f, median %.0f tokens/s, best %.0f for a second of CPU time; %.1f bytes of Java heap a token; log-probs within %.1e of the trainer's; peak %d MB%n",
          arguments[0],
          CpuThreads.count(),
          rounds,
          rates[rounds - 1],
          rates[rounds / 2],
          tokens / leastCpu,
          (double) allocated / tokens,
          difference,
          peakMegabytes());
    }
  }

  /** 5 million parameters. */
  private static CausalLm tiny() {
    return CausalLm.initialise(
        new ModelConfig(
            ModelFamily.QWEN2,
            8192,
            256,
            704,
            4,
            4,
            2,
            64,
            1e-6,
            new RopeParameters(10000, null),
            true,
            false,
            false,
            true,
            4096,
            0.02,
            null,
            List.of(2),
            null,
            "float32"),
        5);
  }

  private static long peakMegabytes() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith("VmHWM:")) {
          return Long.parseLong(line.replaceAll("\\D", "")) >> 10;
        }
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    throw new AssertionError("no VmHWM");
  }

  private GenerationSpeed() {}
}
