package org.rlkd.engine.safetensors;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.rlkd.core.InputException;

/**
 * The header of a safetensors file: eight bytes with the length of the JSON that follows, the JSON,
 * then the data. Tensors must cover the data without gap or overlap, as the format demands.
 *
 * @param entries by name, in order of their data
 * @param metadata the strings under {@code __metadata__}
 */
record SafetensorsHeader(Map<String, SafetensorsEntry> entries, Map<String, String> metadata) {
  private static final String METADATA = "__metadata__";
  private static final int LENGTH_BYTES = 8;

  /** The limit of the safetensors library. */
  private static final long MAX_HEADER_BYTES = 100_000_000;

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  static SafetensorsHeader read(Path file, FileChannel channel) throws IOException {
    long fileBytes = channel.size();
    if (fileBytes < LENGTH_BYTES) {
      throw new InputException(
          file + " is no safetensors file: it holds " + fileBytes + " bytes, expected at least 8");
    }
    long headerBytes = readFully(channel, 0, LENGTH_BYTES).getLong();
    if (headerBytes < 0 || headerBytes > MAX_HEADER_BYTES) {
      throw new InputException(
          file
              + " is no safetensors file: its first eight bytes give a header of "
              + Long.toUnsignedString(headerBytes)
              + " bytes, expected at most "
              + MAX_HEADER_BYTES);
    }
    long dataStart = LENGTH_BYTES + headerBytes;
    if (dataStart > fileBytes) {
      throw truncated(file, fileBytes, dataStart, "its header");
    }
    return new Parser(file, fileBytes, dataStart)
        .parse(readFully(channel, LENGTH_BYTES, (int) headerBytes));
  }

  private static ByteBuffer readFully(FileChannel channel, long position, int length)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, position + buffer.position()) < 0) {
        throw new IOException("the file became shorter while it was read");
      }
    }
    return buffer.flip();
  }

  private static InputException truncated(Path file, long found, long expected, String what) {
    return new InputException(
        file
            + " is truncated: it holds "
            + found
            + " bytes, but "
            + what
            + " ends at byte "
            + expected
            + "; copy or download it again");
  }

  private record Parser(Path file, long fileBytes, long dataStart) {

    SafetensorsHeader parse(ByteBuffer header) {
      JsonNode json;
      try {
        json = JSON.readTree(header.array());
      } catch (JacksonException e) {
        throw new InputException(file + " has a malformed header: " + e.getOriginalMessage(), e);
      } catch (IOException e) {
        throw new InputException(file + " has a malformed header: " + e.getMessage(), e);
      }
      if (!json.isObject()) {
        throw new InputException(file + " has a malformed header: expected a JSON object");
      }
      List<SafetensorsEntry> entries = new ArrayList<>();
      Map<String, String> metadata = new LinkedHashMap<>();
      for (Map.Entry<String, JsonNode> field : json.properties()) {
        if (field.getKey().equals(METADATA)) {
          field
              .getValue()
              .properties()
              .forEach(e -> metadata.put(e.getKey(), e.getValue().asText()));
        } else {
          entries.add(entry(field.getKey(), field.getValue()));
        }
      }
      entries.sort(
          Comparator.comparingLong(SafetensorsEntry::offset)
              .thenComparingLong(SafetensorsEntry::bytes));
      requireContiguous(entries);
      Map<String, SafetensorsEntry> byName = new LinkedHashMap<>();
      entries.forEach(entry -> byName.put(entry.name(), entry));
      return new SafetensorsHeader(byName, metadata);
    }

    private SafetensorsEntry entry(String name, JsonNode json) {
      String dtypeName = json.path("dtype").asText();
      SafetensorsDtype dtype =
          SafetensorsDtype.named(dtypeName)
              .orElseThrow(() -> malformed(name, "dtype \"" + dtypeName + "\" is not known"));
      List<Long> shape = longs(name, json, "shape");
      List<Long> offsets = longs(name, json, "data_offsets");
      if (offsets.size() != 2 || offsets.get(1) < offsets.get(0)) {
        throw malformed(name, "data_offsets are " + offsets + ", expected [begin, end]");
      }
      long length = offsets.get(1) - offsets.get(0);
      long expected = bytes(name, dtype, shape);
      if (length != expected) {
        throw malformed(
            name,
            "data_offsets "
                + offsets
                + " span "
                + length
                + " bytes, but "
                + dtype
                + " "
                + shape
                + " takes "
                + expected);
      }
      if (offsets.get(1) > fileBytes - dataStart) {
        throw truncated(file, fileBytes, dataStart + offsets.get(1), "tensor " + name);
      }
      return new SafetensorsEntry(name, dtype, shape, dataStart + offsets.get(0), length);
    }

    private long bytes(String name, SafetensorsDtype dtype, List<Long> shape) {
      try {
        long bytes = dtype.bytes();
        for (long size : shape) {
          bytes = Math.multiplyExact(bytes, size);
        }
        return bytes;
      } catch (ArithmeticException e) {
        throw malformed(name, "shape " + shape + " is too large");
      }
    }

    private List<Long> longs(String name, JsonNode json, String key) {
      JsonNode array = json.path(key);
      List<Long> values = new ArrayList<>();
      for (JsonNode value : array) {
        if (!value.isIntegralNumber() || !value.canConvertToLong() || value.longValue() < 0) {
          throw malformed(name, key + " holds " + value + ", expected an integer of at least 0");
        }
        values.add(value.longValue());
      }
      if (!array.isArray()) {
        throw malformed(name, key + " is missing or no array");
      }
      return values;
    }

    private void requireContiguous(List<SafetensorsEntry> sorted) {
      long end = dataStart;
      for (SafetensorsEntry entry : sorted) {
        if (entry.offset() != end) {
          throw malformed(
              entry.name(),
              "its data begins at byte "
                  + (entry.offset() - dataStart)
                  + " of the data, expected "
                  + (end - dataStart)
                  + " (tensors must not overlap or leave gaps)");
        }
        end += entry.bytes();
      }
      if (end != fileBytes) {
        throw new InputException(
            file
                + " holds "
                + fileBytes
                + " bytes, but its last tensor ends at byte "
                + end
                + "; it is damaged or not a safetensors file");
      }
    }

    private InputException malformed(String name, String what) {
      return new InputException(file + ", tensor " + name + ": " + what);
    }
  }
}
