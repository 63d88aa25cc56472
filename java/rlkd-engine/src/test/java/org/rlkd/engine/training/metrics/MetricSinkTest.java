package org.rlkd.engine.training.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricSinkTest {
  @TempDir Path directory;

  @Test
  void jsonl_has_one_object_a_step_and_null_for_what_is_not_finite() throws IOException {
    Path file = directory.resolve("runs/metrics.jsonl");
    Map<String, Double> metrics = new LinkedHashMap<>();
    metrics.put("loss", 0.5);
    metrics.put("reward", Double.NaN);
    metrics.put("grad_norm", Double.POSITIVE_INFINITY);
    try (MetricSink sink = new JsonlMetricSink(file, 0)) {
      sink.write(1, metrics);
    }
    assertThat(Files.readString(file))
        .isEqualTo("{\"step\":1,\"loss\":0.5,\"reward\":null,\"grad_norm\":null}\n");
  }

  @Test
  void a_resumed_run_drops_later_steps_and_a_line_that_was_cut_off() throws IOException {
    Path file = directory.resolve("metrics.jsonl");
    try (MetricSink sink = new JsonlMetricSink(file, 0)) {
      for (long step = 1; step <= 5; step++) {
        sink.write(step, Map.of("loss", 1.0 / step));
      }
    }
    Files.writeString(file, "{\"step\":6,\"lo", StandardOpenOption.APPEND);
    try (MetricSink sink = new JsonlMetricSink(file, 3)) {
      sink.write(4, Map.of("loss", 7.0));
    }
    assertThat(Files.readAllLines(file))
        .containsExactly(
            "{\"step\":1,\"loss\":1.0}",
            "{\"step\":2,\"loss\":0.5}",
            "{\"step\":3,\"loss\":0.3333333333333333}",
            "{\"step\":4,\"loss\":7.0}");
  }

  @Test
  void a_new_run_empties_the_file() throws IOException {
    Path file = Files.writeString(directory.resolve("metrics.jsonl"), "{\"step\":1}\n");
    new JsonlMetricSink(file, 0).close();
    assertThat(file).isEmptyFile();
  }

  @Test
  void tensorboard_records_have_valid_checksums_and_hold_the_scalars() throws IOException {
    Path file;
    try (TensorBoardSink sink = new TensorBoardSink(directory, 0)) {
      sink.write(300, Map.of("reward", -1.5));
      file = sink.path();
    }
    List<ByteBuffer> events = records(file);
    assertThat(events).hasSize(2);
    assertThat(StandardCharsets.UTF_8.decode(events.get(0)).toString()).endsWith("brain.Event:2");

    // Event { 1: double, 2: varint 300, 5: Summary { 1: Value { 1: "reward", 2: float -1.5 } } }
    ByteBuffer event = events.get(1);
    assertThat(event.get()).isEqualTo((byte) 0x09);
    double wallTime = event.getDouble();
    assertThat(wallTime).isBetween(1e9, 1e11);
    byte[] rest = new byte[event.remaining()];
    event.get(rest);
    ByteBuffer expected = ByteBuffer.allocate(20 + 2).order(ByteOrder.LITTLE_ENDIAN);
    expected.put(new byte[] {0x10, (byte) 0xac, 0x02, 0x2a, 15, 0x0a, 13, 0x0a, 6});
    expected.put("reward".getBytes(StandardCharsets.UTF_8)).put((byte) 0x15).putFloat(-1.5f);
    assertThat(rest).isEqualTo(java.util.Arrays.copyOf(expected.array(), expected.position()));
  }

  @Test
  void a_resumed_run_opens_a_new_event_file_with_a_session_start() throws IOException {
    try (TensorBoardSink sink = new TensorBoardSink(directory, 7)) {
      ByteBuffer start = records(sink.path()).get(1);
      start.position(9);
      byte[] rest = new byte[start.remaining()];
      start.get(rest);
      // step 8, session_log { status: START }
      assertThat(rest).containsExactly(0x10, 8, 0x3a, 2, 0x08, 1);
    }
  }

  /** Reads TFRecords and checks both checksums of each with a table-free bitwise CRC-32C. */
  private static List<ByteBuffer> records(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    List<ByteBuffer> records = new ArrayList<>();
    while (bytes.hasRemaining()) {
      byte[] length = new byte[8];
      bytes.get(length);
      assertThat(bytes.getInt()).isEqualTo(masked(length));
      byte[] data =
          new byte[(int) ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong()];
      bytes.get(data);
      assertThat(bytes.getInt()).isEqualTo(masked(data));
      records.add(ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN));
    }
    return records;
  }

  private static int masked(byte[] data) {
    int crc = ~0;
    for (byte b : data) {
      crc ^= b & 0xff;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc >>> 1) ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
      }
    }
    crc = ~crc;
    return ((crc >>> 15) | (crc << 17)) + 0xa282ead8;
  }
}
