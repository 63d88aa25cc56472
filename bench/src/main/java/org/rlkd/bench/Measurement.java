package org.rlkd.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Map;

/**
 * What was measured of one benchmark with one set of parameters.
 *
 * @param name of the benchmark's method
 * @param parameters by name
 * @param medianSeconds of an operation, over iterations and forks
 * @param minSeconds of the fastest iteration
 * @param work of an operation
 * @param triadBytesPerSecond memory bandwidth of the machine, in the same JVM
 * @param gemmFlopsPerSecond of a large product, in the same JVM
 * @param allocatedBytes on the Java heap by an operation
 */
public record Measurement(
    String name,
    Map<String, String> parameters,
    double medianSeconds,
    double minSeconds,
    Work work,
    double triadBytesPerSecond,
    double gemmFlopsPerSecond,
    double allocatedBytes) {

  /**
   * Share of what the machine's bandwidth or arithmetic would allow, whichever is slower. Above 1
   * where caches hold the data, or the limit was measured in a worse moment.
   */
  @JsonProperty
  public double shareOfLimit() {
    double limit = Math.max(work.bytes() / triadBytesPerSecond, work.flops() / gemmFlopsPerSecond);
    return limit / medianSeconds;
  }

  /** For example {@code sampling shape=64x8192 topP=0.95}. */
  String label() {
    StringBuilder label = new StringBuilder(name);
    parameters.forEach((key, value) -> label.append(' ').append(key).append('=').append(value));
    return label.toString();
  }
}
