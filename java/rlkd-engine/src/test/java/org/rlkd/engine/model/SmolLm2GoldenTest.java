package org.rlkd.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.StreamSupport;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.rlkd.engine.tensor.HostArrays;

/** The real SmolLM2-135M-Instruct gives the numbers that transformers gave. */
class SmolLm2GoldenTest {
  private static final double LOGPROB_LIMIT = 1e-4;

  /**
   * Logits reach 20 and more; float32 sums in another order differ by a few units of 1e-5 there.
   */
  private static final double LOGIT_LIMIT = 2e-4;

  @Test
  void promptsAndGreedyContinuationsAgree() throws IOException, InterruptedException {
    Path recorded = GoldenModels.golden().resolve("smollm2.json");
    assumeTrue(Files.exists(recorded), "golden file is missing: " + recorded);
    JsonNode prompts = new JsonMapper().readTree(Files.readString(recorded)).get("prompts");
    LargestDifference largest = new LargestDifference();
    try (CausalLm model = ModelDirectory.load(unpacked())) {
      for (JsonNode prompt : prompts) {
        check(model, prompt, largest);
      }
    }
    System.out.println("golden/smollm2.json, " + prompts.size() + " prompts:" + largest);
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
      long[] best = HostArrays.toLongs(logits.argmax(lastDimension(), false));
      Tensor logprobs = torch.log_softmax(logits.to(ScalarType.Double), 1);
      double nll = 0;
      for (int t = 1; t < ids.length; t++) {
        nll -= logprobs.select(0, t - 1).select(0, ids[t]).item_double() / (ids.length - 1);
      }
      largest.check(
          "mean_nll", where, Math.abs(nll - prompt.get("mean_nll").doubleValue()), LOGPROB_LIMIT);
      for (JsonNode top : prompt.get("top5")) {
        double logit =
            logits.select(0, ids.length - 1).select(0, top.get("id").longValue()).item_double();
        largest.check(
            "logit", where, Math.abs(logit - top.get("logit").doubleValue()), LOGIT_LIMIT);
      }
      for (int i = 0; i < greedy.length; i++) {
        int position = ids.length - 1 + i;
        assertThat(best[position]).as("%s: greedy token %s", where, i).isEqualTo(greedy[i]);
        double logprob = logprobs.select(0, position).select(0, greedy[i]).item_double();
        double expected = prompt.get("greedy_logprobs").get(i).doubleValue();
        largest.check("greedy logprob", where, Math.abs(logprob - expected), LOGPROB_LIMIT);
      }
    }
  }

  private static org.bytedeco.pytorch.LongOptional lastDimension() {
    return new org.bytedeco.pytorch.LongOptional(-1);
  }

  private static long[] longs(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).mapToLong(JsonNode::asLong).toArray();
  }

  /** The packed model as a Hugging Face directory under target/, made once. */
  private static Path unpacked() throws IOException, InterruptedException {
    Path models = GoldenModels.shared().resolve("models").toAbsolutePath();
    Path packed = models.resolve("smollm2-135m-instruct");
    assumeTrue(Files.isDirectory(packed), "shared model is missing: " + packed);
    Path target =
        Path.of(System.getProperty("rlkd.root", "."), "target", "smollm2-135m-instruct")
            .toAbsolutePath();
    Files.createDirectories(target.getParent());
    Process unpack =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                models.resolve("Unpack.java").toString(),
                packed.toString(),
                target.toString())
            .inheritIO()
            .start();
    assertThat(unpack.waitFor()).as("exit code of Unpack.java").isZero();
    return target;
  }
}
