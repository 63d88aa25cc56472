package org.rlkd.engine.safetensors;

import java.util.List;

/**
 * One tensor of a safetensors file.
 *
 * @param name key
 * @param dtype element type
 * @param shape slowest dimension first; empty for a scalar
 * @param offset of its first byte from the start of the file
 * @param bytes length
 */
public record SafetensorsEntry(
    String name, SafetensorsDtype dtype, List<Long> shape, long offset, long bytes) {

  public SafetensorsEntry {
    shape = List.copyOf(shape);
  }

  long[] sizes() {
    return shape.stream().mapToLong(Long::longValue).toArray();
  }
}
