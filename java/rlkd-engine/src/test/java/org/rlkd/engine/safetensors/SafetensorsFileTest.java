package org.rlkd.engine.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rlkd.core.InputException;
import org.rlkd.engine.tensor.HostArrays;

class SafetensorsFileTest {
  @TempDir Path directory;

  private Path file(String header, int dataBytes) throws IOException {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + text.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(text.length).put(text);
    return Files.write(directory.resolve("crafted.safetensors"), bytes.array());
  }

  @Test
  void everyDtypeThatIsWrittenReadsBackEqual() {
    try (PointerScope scope = new PointerScope()) {
      Tensor values = HostArrays.floats(new float[] {0, 1, -2.5f, 3, 1e-3f, 100}, 2, 3);
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      for (ScalarType type :
          new ScalarType[] {
            ScalarType.Float,
            ScalarType.Half,
            ScalarType.BFloat16,
            ScalarType.Double,
            ScalarType.Long,
            ScalarType.Int,
            ScalarType.Char,
            ScalarType.Bool
          }) {
        tensors.put("as " + type, values.to(type));
      }
      tensors.put("transposed", values.t());
      tensors.put("scalar", torch.ones(new long[0]));
      tensors.put("empty", torch.ones(0, 4));
      Path file = directory.resolve("all.safetensors");
      SafetensorsWriter.write(file, tensors, null);
      try (SafetensorsFile read = SafetensorsFile.open(file)) {
        assertThat(read.metadata()).containsExactly(Map.entry("format", "pt"));
        assertThat(read.entries()).hasSameSizeAs(tensors);
        tensors.forEach(
            (name, tensor) -> assertThat(torch.equal(read.read(name), tensor)).as(name).isTrue());
      }
    }
  }

  @Test
  void storedHalfPrecisionConvertsToFloat32WhileCopying() {
    try (PointerScope scope = new PointerScope()) {
      float[] values = {0, 1, -2.5f, 0.15625f, -96, 1024};
      Path file = directory.resolve("half.safetensors");
      for (SafetensorsDtype dtype :
          new SafetensorsDtype[] {SafetensorsDtype.F16, SafetensorsDtype.BF16}) {
        SafetensorsWriter.write(file, Map.of("x", HostArrays.floats(values, 6)), dtype);
        Tensor destination = torch.empty(6);
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
          assertThat(read.entries().get("x").bytes()).isEqualTo(12);
          read.copyTo("x", destination);
        }
        assertThat(HostArrays.toFloats(destination)).containsExactly(values);
      }
    }
  }

  @Test
  void aTensorAtAnOddOffsetReadsRight() throws IOException {
    Path file =
        file(
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                + "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}}",
            5);
    byte[] bytes = Files.readAllBytes(file);
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putFloat(bytes.length - 4, 1.5f);
    Files.write(file, bytes);
    try (PointerScope scope = new PointerScope();
        SafetensorsFile read = SafetensorsFile.open(file)) {
      assertThat(HostArrays.toFloats(read.read("b"))).containsExactly(1.5f);
    }
  }

  @Test
  void aTruncatedFileIsRefusedWithTensorAndSizes() throws IOException {
    Path file = file("{\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}", 20);
    long size = Files.size(file);
    assertThatThrownBy(() -> SafetensorsFile.open(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining("truncated")
        .hasMessageContaining("tensor w")
        .hasMessageContaining(size + " bytes")
        .hasMessageContaining("" + (size + 4));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}} | 12 | tensor b: its data begins at byte 4 of the data, expected 8
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}} | 20 | tensor b: its data begins at byte 12 of the data, expected 8
          {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}} | 8 | tensor a: data_offsets [0, 8] span 8 bytes, but F32 [3] takes 12
          {"a":{"dtype":"F12","shape":[2],"data_offsets":[0,8]}} | 8 | tensor a: dtype "F12" is not known
          {"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}} | 8 | tensor a: shape holds -2
          {"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}} | 8 | tensor a: shape holds 1.5
          {"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,8]}} | 8 | tensor a: shape [4611686018427387904, 8] is too large
          {"a":{"dtype":"F32","data_offsets":[0,8]}} | 8 | tensor a: shape is missing
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}} | 8 | tensor a: data_offsets are [8, 0]
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} | 9 | its last tensor ends at byte
          {"a":1,"a":2} | 0 | malformed header
          [] | 0 | expected a JSON object
          {"a": | 0 | malformed header
          """)
  void aMalformedHeaderIsRefusedAndSaysWhatIsWrong(String header, int dataBytes, String message)
      throws IOException {
    Path file = file(header, dataBytes);
    assertThatThrownBy(() -> SafetensorsFile.open(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(message);
  }

  @Test
  void aFileOfAnotherKindIsRefused() throws IOException {
    Path text = Files.writeString(directory.resolve("text"), "this is no safetensors file");
    Path shorter = Files.writeString(directory.resolve("short"), "abc");
    for (Path file : new Path[] {text, shorter}) {
      assertThatThrownBy(() -> SafetensorsFile.open(file))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(file + " is no safetensors file");
    }
    assertThatThrownBy(() -> SafetensorsFile.open(directory.resolve("absent")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("does not exist");
  }

  @Test
  void aDestinationOfAnotherShapeIsRefusedWithBothShapes() {
    Path file = directory.resolve("shape.safetensors");
    try (PointerScope scope = new PointerScope()) {
      SafetensorsWriter.write(file, Map.of("w", torch.ones(2, 3)), null);
      try (SafetensorsFile read = SafetensorsFile.open(file)) {
        assertThatThrownBy(() -> read.copyTo("w", torch.empty(3, 2)))
            .isInstanceOf(InputException.class)
            .hasMessageContaining("tensor w: has shape [2, 3], expected [3, 2]");
      }
    }
  }

  /** Damage must be reported as such or be harmless: no other exception, no crash. */
  @Test
  void aFileWithRandomDamageIsRefusedOrReads() throws IOException {
    Path file = directory.resolve("damaged.safetensors");
    SplittableRandom random = new SplittableRandom(7);
    try (PointerScope scope = new PointerScope()) {
      SafetensorsWriter.write(file, Map.of("a", torch.ones(2, 3), "b", torch.ones(5)), null);
      byte[] whole = Files.readAllBytes(file);
      int refused = 0;
      for (int i = 0; i < 500; i++) {
        byte[] damaged = Arrays.copyOf(whole, whole.length - random.nextInt(4));
        for (int flips = random.nextInt(1, 4); flips > 0; flips--) {
          damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
        }
        Files.write(file, damaged);
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
          read.entries().keySet().forEach(read::read);
        } catch (InputException e) {
          refused++;
        }
      }
      assertThat(refused).isGreaterThan(300);
    }
  }
}
