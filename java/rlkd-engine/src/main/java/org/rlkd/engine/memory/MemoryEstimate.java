package org.rlkd.engine.memory;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a run is expected to hold in memory at once, item by item. Generation and update follow each
 * other, so the larger of the two counts.
 *
 * @param always bytes that are held all the time, by what for
 * @param generation bytes while completions are sampled; empty where nothing is
 * @param update bytes while gradients are computed
 */
public record MemoryEstimate(
    Map<String, Long> always, Map<String, Long> generation, Map<String, Long> update) {

  public MemoryEstimate {
    always = new LinkedHashMap<>(always);
    generation = new LinkedHashMap<>(generation);
    update = new LinkedHashMap<>(update);
  }

  /** The expected peak, bytes. */
  public long peak() {
    return sum(always) + Math.max(sum(generation), sum(update));
  }

  /** The arithmetic, one line an item, in MiB. */
  public String table() {
    StringBuilder text = new StringBuilder();
    append(text, "", always);
    append(text, "generation: ", generation);
    append(text, "update: ", update);
    boolean both = !generation.isEmpty() && !update.isEmpty();
    line(text, both ? "peak (the larger of generation and update counts)" : "peak", peak());
    return text.toString();
  }

  static long sum(Map<String, Long> items) {
    return items.values().stream().mapToLong(Long::longValue).sum();
  }

  private static void append(StringBuilder text, String phase, Map<String, Long> items) {
    items.forEach((name, bytes) -> line(text, phase + name, bytes));
  }

  private static void line(StringBuilder text, String name, long bytes) {
    text.append(String.format("  %-58s %,9.1f MiB%n", name, bytes / (double) (1 << 20)));
  }
}
