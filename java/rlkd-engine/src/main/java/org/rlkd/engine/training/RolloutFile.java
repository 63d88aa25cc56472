package org.rlkd.engine.training;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.core.InputException;
import org.rlkd.engine.safetensors.SafetensorsFile;
import org.rlkd.engine.safetensors.SafetensorsWriter;
import org.rlkd.engine.tensor.HostArrays;

/**
 * {@code rollouts.safetensors}: rollouts that a checkpoint found sampled but not yet used up. All
 * sequences of a kind are one after another in one tensor.
 */
final class RolloutFile {
  private static final String OLD = "old_logprobs";
  private static final String REF = "ref_logprobs";

  private RolloutFile() {}

  static void write(Path file, List<Rollout> rollouts) {
    int count = rollouts.size();
    long[] shape = new long[3 * count];
    float[] advantages = new float[count];
    for (int i = 0; i < count; i++) {
      Rollout rollout = rollouts.get(i);
      shape[3 * i] = rollout.prompt().length;
      shape[3 * i + 1] = rollout.completion().length;
      shape[3 * i + 2] = rollout.trained() ? 1 : 0;
      advantages[i] = rollout.advantage();
    }
    try (PointerScope scope = new PointerScope()) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      tensors.put("lengths", HostArrays.longs(shape, count, 3));
      tensors.put("prompts", ints(rollouts, Rollout::prompt));
      tensors.put("completions", ints(rollouts, Rollout::completion));
      tensors.put("sampler_logprobs", floats(rollouts, Rollout::samplerLogprobs));
      tensors.put("advantages", HostArrays.floats(advantages, count));
      if (rollouts.get(0).oldLogprobs() != null) {
        tensors.put(OLD, floats(rollouts, Rollout::oldLogprobs));
      }
      if (rollouts.get(0).refLogprobs() != null) {
        tensors.put(REF, floats(rollouts, Rollout::refLogprobs));
      }
      SafetensorsWriter.write(file, tensors, null);
    }
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws InputException if the file is missing or damaged
   */
  static List<Rollout> read(Path file) {
    try (PointerScope scope = new PointerScope();
        SafetensorsFile saved = SafetensorsFile.open(file)) {
      long[] lengths = HostArrays.toLongs(saved.read("lengths"));
      long[] prompts = HostArrays.toLongs(saved.read("prompts"));
      long[] completions = HostArrays.toLongs(saved.read("completions"));
      float[] sampler = HostArrays.toFloats(saved.read("sampler_logprobs"));
      float[] advantages = HostArrays.toFloats(saved.read("advantages"));
      float[] old = optional(saved, OLD);
      float[] ref = optional(saved, REF);
      List<Rollout> rollouts = new ArrayList<>();
      int prompt = 0;
      int completion = 0;
      for (int i = 0; i < advantages.length; i++) {
        int promptEnd = prompt + (int) lengths[3 * i];
        int completionEnd = completion + (int) lengths[3 * i + 1];
        rollouts.add(
            new Rollout(
                Arrays.stream(prompts, prompt, promptEnd).mapToInt(Math::toIntExact).toArray(),
                Arrays.stream(completions, completion, completionEnd)
                    .mapToInt(Math::toIntExact)
                    .toArray(),
                Arrays.copyOfRange(sampler, completion, completionEnd),
                lengths[3 * i + 2] == 1,
                advantages[i],
                old == null ? null : Arrays.copyOfRange(old, completion, completionEnd),
                ref == null ? null : Arrays.copyOfRange(ref, completion, completionEnd)));
        prompt = promptEnd;
        completion = completionEnd;
      }
      return rollouts;
    }
  }

  private static float[] optional(SafetensorsFile file, String name) {
    return file.entries().containsKey(name) ? HostArrays.toFloats(file.read(name)) : null;
  }

  private static Tensor ints(List<Rollout> rollouts, Function<Rollout, int[]> part) {
    long[] all =
        rollouts.stream()
            .flatMapToInt(rollout -> Arrays.stream(part.apply(rollout)))
            .asLongStream()
            .toArray();
    return HostArrays.longs(all, all.length);
  }

  private static Tensor floats(List<Rollout> rollouts, Function<Rollout, float[]> part) {
    int total = rollouts.stream().mapToInt(rollout -> part.apply(rollout).length).sum();
    float[] all = new float[total];
    int at = 0;
    for (Rollout rollout : rollouts) {
      float[] values = part.apply(rollout);
      System.arraycopy(values, 0, all, at, values.length);
      at += values.length;
    }
    return HostArrays.floats(all, total);
  }
}
