package org.rlkd.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.StreamSupport;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.rlkd.engine.tensor.HostArrays;

/** The real SmolLM2-135M-Instruct gives the numbers that transformers gave. */
class SmolLm2GoldenTest {

  private static final double LIMIT = 1e-4;

  private static final Path STATUS = Path.of("/proc/self/status");

  /** For the JVM's own heap; the bfloat16 weights alone are 269 MB. */
  private static final long SLACK_BYTES = 100_000_000;

  private static final long SAMPLE_NANOSECONDS = 3_000_000;

  private Path directory;

  @Test
  void promptsAndGreedyContinuationsAgree() throws IOException {
    Path recorded = GoldenModels.golden().resolve("smollm2.json");
    assumeTrue(Files.exists(recorded), "golden file is missing: " + recorded);
    JsonNode prompts = new JsonMapper().readTree(Files.readString(recorded)).get("prompts");
    LargestDifference largest = new LargestDifference();
    try (CausalLm model = ModelDirectory.load(directory)) {
      for (JsonNode prompt : prompts) {
        check(model, prompt, largest);
      }
    }
    System.out.println("golden/smollm2.json, " + prompts.size() + " prompts:" + largest);
  }

  /** The first model takes what memory the allocator holds free, so that the second needs new. */
  @Test
  void loadingTakesNoSecondCopyOfTheWeights() throws IOException, InterruptedException {
    assumeTrue(Files.exists(STATUS), "no " + STATUS + " to read the memory in use from");
    try (CausalLm first = ModelDirectory.load(directory)) {
      long before = anonymousBytes();
      AtomicLong peak = new AtomicLong();
      AtomicBoolean loading = new AtomicBoolean(true);
      Thread sampler =
          new Thread(
              () -> {
                while (loading.get()) {
                  peak.accumulateAndGet(anonymousBytes(), Math::max);
                  LockSupport.parkNanos(SAMPLE_NANOSECONDS);
                }
              });
      sampler.start();
      try (CausalLm second = ModelDirectory.load(directory)) {
        loading.set(false);
        sampler.join();
        long weights = 4 * second.parameterCount();
        long taken = peak.get() - before;
        System.out.printf("loading %d bytes of float32 weights took %d%n", weights, taken);
        assertThat(taken).isBetween(weights - SLACK_BYTES, weights + SLACK_BYTES);
      }
    }
  }

  /** Memory of the process that no file backs. */
  private static long anonymousBytes() {
    try {
      return Files.readAllLines(STATUS).stream()
          .filter(line -> line.startsWith("RssAnon:"))
          .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
          .findFirst()
          .orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * One pass over prompt and recorded continuation: if the largest score after every prefix is the
   * recorded next token, greedy decoding gives that continuation.
   */
  private static void check(CausalLm model, JsonNode prompt, LargestDifference largest) {
    long[] ids = longs(prompt.get("ids"));
    long[] greedy = longs(prompt.get("greedy_ids"));
    String where = prompt.get("prompt").textValue();
    long[] sequence = new long[ids.length + greedy.length];
    System.arraycopy(ids, 0, sequence, 0, ids.length);
    System.arraycopy(greedy, 0, sequence, ids.length, greedy.length);
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGradients = new NoGradGuard()) {
      Tensor input = HostArrays.longs(sequence, 1, sequence.length);
      Tensor logits = model.logits(model.hidden(input, null)).select(0, 0);
      long[] best = HostArrays.toLongs(logits.argmax(new LongOptional(-1), false));
      Tensor logprobs = torch.log_softmax(logits.to(ScalarType.Double), 1);
      double nll = 0;
      for (int t = 1; t < ids.length; t++) {
        nll -= logprobs.select(0, t - 1).select(0, ids[t]).item_double() / (ids.length - 1);
      }
      largest.check("mean_nll", where, Math.abs(nll - prompt.get("mean_nll").doubleValue()), LIMIT);
      for (JsonNode top : prompt.get("top5")) {
        double logit =
            logits.select(0, ids.length - 1).select(0, top.get("id").longValue()).item_double();
        largest.check("logit", where, Math.abs(logit - top.get("logit").doubleValue()), LIMIT);
      }
      for (int i = 0; i < greedy.length; i++) {
        int position = ids.length - 1 + i;
        assertThat(best[position]).as("%s: greedy token %s", where, i).isEqualTo(greedy[i]);
        double logprob = logprobs.select(0, position).select(0, greedy[i]).item_double();
        double expected = prompt.get("greedy_logprobs").get(i).doubleValue();
        largest.check("greedy logprob", where, Math.abs(logprob - expected), LIMIT);
      }
    }
  }

  private static long[] longs(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).mapToLong(JsonNode::asLong).toArray();
  }

  @BeforeEach
  void unpack() throws IOException, InterruptedException {
    directory = SmolLm2.directory();
  }
}
