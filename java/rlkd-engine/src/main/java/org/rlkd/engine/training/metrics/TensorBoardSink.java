package org.rlkd.engine.training.metrics;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.zip.CRC32C;
import org.rlkd.core.InputException;

/**
 * A TensorBoard event file: scalars as TFRecords of {@code tensorflow.Event} messages.
 *
 * <pre>
 * record  uint64 length | uint32 masked crc32c(length) | data | uint32 masked crc32c(data)   little endian
 * data    Event { 1: double wall_time, 2: int64 step, 3: string file_version | 5: Summary | 7: SessionLog }
 * Summary repeated 1: Value { 1: string tag, 2: float simple_value }
 * </pre>
 *
 * A resumed run opens a new file beside the old one and begins it with a session start, on which
 * TensorBoard drops what the old file has at that step and later.
 */
public final class TensorBoardSink implements MetricSink {
  private static final int SESSION_START = 1;

  private final Path path;
  private final FileChannel channel;

  /**
   * Makes a new event file.
   *
   * @param directory the log directory; made if it isn't there
   * @param lastStep the step from which the run goes on, 0 for a new run
   */
  public TensorBoardSink(Path directory, long lastStep) {
    this.path =
        directory.resolve(
            "events.out.tfevents."
                + System.currentTimeMillis() / 1000
                + (".rlkd." + ProcessHandle.current().pid() + "." + lastStep));
    try {
      Files.createDirectories(directory);
      this.channel =
          FileChannel.open(
              path, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw cannotWrite(e);
    }
    Message version = event(0);
    version.bytes(3, "brain.Event:2".getBytes(StandardCharsets.UTF_8));
    append(version);
    if (lastStep > 0) {
      Message start = event(lastStep + 1);
      start.bytes(7, new Message().varint(1, SESSION_START).toByteArray());
      append(start);
    }
  }

  /** The event file. */
  public Path path() {
    return path;
  }

  @Override
  public void write(long step, Map<String, Double> metrics) {
    Message summary = new Message();
    metrics.forEach(
        (name, value) ->
            summary.bytes(
                1,
                new Message()
                    .bytes(1, name.getBytes(StandardCharsets.UTF_8))
                    .float32(2, value.floatValue())
                    .toByteArray()));
    Message event = event(step);
    event.bytes(5, summary.toByteArray());
    append(event);
  }

  @Override
  public void sync() {
    try {
      channel.force(true);
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  private static Message event(long step) {
    return new Message().float64(1, System.currentTimeMillis() / 1000.0).varint(2, step);
  }

  private void append(Message event) {
    byte[] data = event.toByteArray();
    ByteBuffer record = ByteBuffer.allocate(8 + 4 + data.length + 4).order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(data.length);
    record.putInt(maskedCrc32c(record.array(), 0, 8));
    record.put(data);
    record.putInt(maskedCrc32c(data, 0, data.length));
    record.flip();
    try {
      while (record.hasRemaining()) {
        channel.write(record);
      }
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  /**
   * TFRecord's mask: a rotation by 15 bits and a constant, so that a CRC of data with CRCs in it
   * stays useful.
   */
  private static int maskedCrc32c(byte[] bytes, int offset, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, offset, length);
    return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
  }

  private InputException cannotWrite(IOException e) {
    return new InputException(
        "Cannot write "
            + path
            + ": "
            + e
            + ". Choose an output directory that is writable and has free space.",
        e);
  }

  /** The little of protobuf's wire format that an Event needs. */
  private static final class Message {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Message varint(int field, long value) {
      tag(field, 0);
      raw(value);
      return this;
    }

    Message float64(int field, double value) {
      tag(field, 1);
      littleEndian(Double.doubleToRawLongBits(value), 8);
      return this;
    }

    Message bytes(int field, byte[] value) {
      tag(field, 2);
      raw(value.length);
      out.writeBytes(value);
      return this;
    }

    Message float32(int field, float value) {
      tag(field, 5);
      littleEndian(Float.floatToRawIntBits(value), 4);
      return this;
    }

    byte[] toByteArray() {
      return out.toByteArray();
    }

    private void tag(int field, int wireType) {
      raw((long) field << 3 | wireType);
    }

    private void raw(long value) {
      long rest = value;
      while ((rest & ~0x7fL) != 0) {
        out.write((int) (rest & 0x7f | 0x80));
        rest >>>= 7;
      }
      out.write((int) rest);
    }

    private void littleEndian(long value, int bytes) {
      for (int i = 0; i < bytes; i++) {
        out.write((int) (value >>> 8 * i));
      }
    }
  }
}
