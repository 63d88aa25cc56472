package org.rlkd.engine.safetensors;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.core.InputException;
import org.rlkd.engine.storage.AtomicFile;

/**
 * Writes safetensors files byte for byte as the safetensors library does: metadata {@code
 * {"format":"pt"}}, tensors by falling alignment, then by name. Files appear whole or not at all;
 * beyond one converted tensor no memory is taken.
 */
public final class SafetensorsWriter {
  private static final int ALIGNMENT = 8;
  private static final long MAX_BUFFER_BYTES = 1L << 30;
  private static final JsonMapper JSON = new JsonMapper();

  private SafetensorsWriter() {}

  /**
   * Writes one file.
   *
   * @param tensors by name, any device
   * @param storedAs dtype of the file; null keeps that of each tensor
   * @throws org.rlkd.core.InputException if the file cannot be written; the file of that name is
   *     then as it was
   */
  public static void write(Path file, Map<String, Tensor> tensors, SafetensorsDtype storedAs) {
    List<Map.Entry<String, Tensor>> sorted = new ArrayList<>(tensors.entrySet());
    sorted.sort(
        Comparator.comparing((Map.Entry<String, Tensor> e) -> dtype(e.getValue(), storedAs))
            .reversed()
            .thenComparing(Map.Entry::getKey));
    byte[] header = header(sorted, storedAs);
    AtomicFile.write(
        file,
        channel -> {
          ByteBuffer prefix =
              ByteBuffer.allocate(Long.BYTES + header.length).order(ByteOrder.LITTLE_ENDIAN);
          writeFully(channel, prefix.putLong(header.length).put(header).flip());
          for (Map.Entry<String, Tensor> entry : sorted) {
            writeData(channel, entry.getValue(), dtype(entry.getValue(), storedAs));
          }
        });
  }

  /**
   * Writes {@code model.safetensors}, or if the tensors take more than {@code maxShardBytes}, files
   * {@code model-0000i-of-0000n.safetensors} with their index. Shards are filled in the order of
   * the map, as transformers does; a tensor larger than the limit gets a shard of its own.
   *
   * @param directory exists
   * @param storedAs as for {@link #write}
   * @param maxShardBytes limit on the tensor data of one file, bytes
   */
  public static void writeModel(
      Path directory, Map<String, Tensor> tensors, SafetensorsDtype storedAs, long maxShardBytes) {
    List<Map<String, Tensor>> shards = shards(tensors, storedAs, maxShardBytes);
    if (shards.size() == 1) {
      write(directory.resolve(SafetensorsDirectory.SINGLE), tensors, storedAs);
      return;
    }
    Map<String, String> weightMap = new TreeMap<>();
    for (int i = 0; i < shards.size(); i++) {
      String name =
          String.format(Locale.ROOT, "model-%05d-of-%05d.safetensors", i + 1, shards.size());
      write(directory.resolve(name), shards.get(i), storedAs);
      shards.get(i).keySet().forEach(tensor -> weightMap.put(tensor, name));
    }
    ObjectNode index = JSON.createObjectNode();
    index
        .putObject("metadata")
        .put("total_parameters", tensors.values().stream().mapToLong(Tensor::numel).sum())
        .put("total_size", tensors.values().stream().mapToLong(t -> bytes(t, storedAs)).sum());
    index.set("weight_map", JSON.valueToTree(weightMap));
    byte[] text = (index.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(
        directory.resolve(SafetensorsDirectory.INDEX),
        channel -> writeFully(channel, ByteBuffer.wrap(text)));
    removeSingle(directory);
  }

  /** Readers prefer the single file, so one of an earlier model would hide the shards. */
  private static void removeSingle(Path directory) {
    Path single = directory.resolve(SafetensorsDirectory.SINGLE);
    try {
      Files.deleteIfExists(single);
    } catch (IOException e) {
      throw new InputException("%s cannot be removed: %s".formatted(single, e), e);
    }
  }

  private static List<Map<String, Tensor>> shards(
      Map<String, Tensor> tensors, SafetensorsDtype storedAs, long maxShardBytes) {
    List<Map<String, Tensor>> shards = new ArrayList<>();
    shards.add(new LinkedHashMap<>());
    long filled = 0;
    for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
      long bytes = bytes(entry.getValue(), storedAs);
      if (filled > 0 && filled + bytes > maxShardBytes) {
        shards.add(new LinkedHashMap<>());
        filled = 0;
      }
      shards.get(shards.size() - 1).put(entry.getKey(), entry.getValue());
      filled += bytes;
    }
    return shards;
  }

  private static byte[] header(List<Map.Entry<String, Tensor>> tensors, SafetensorsDtype storedAs) {
    ObjectNode json = JSON.createObjectNode();
    json.putObject("__metadata__").put("format", "pt");
    long offset = 0;
    for (Map.Entry<String, Tensor> entry : tensors) {
      Tensor tensor = entry.getValue();
      long end = offset + bytes(tensor, storedAs);
      ObjectNode node = json.putObject(entry.getKey());
      node.put("dtype", dtype(tensor, storedAs).name());
      var shape = node.putArray("shape");
      for (int i = 0; i < tensor.dim(); i++) {
        shape.add(tensor.size(i));
      }
      node.putArray("data_offsets").add(offset).add(end);
      offset = end;
    }
    byte[] text = json.toString().getBytes(StandardCharsets.UTF_8);
    int padded = (text.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    byte[] header = Arrays.copyOf(text, padded);
    Arrays.fill(header, text.length, padded, (byte) ' ');
    return header;
  }

  private static void writeData(FileChannel channel, Tensor tensor, SafetensorsDtype dtype)
      throws IOException {
    try (PointerScope scope = new PointerScope();
        AutoGradMode noGradients = new AutoGradMode(false)) {
      Tensor host = tensor.detach().cpu().to(dtype.scalarType()).contiguous();
      long bytes = host.numel() * dtype.bytes();
      BytePointer data = new BytePointer(host.data_ptr());
      for (long done = 0; done < bytes; done += MAX_BUFFER_BYTES) {
        long end = Math.min(bytes, done + MAX_BUFFER_BYTES);
        writeFully(channel, data.position(done).limit(end).asByteBuffer());
      }
    }
  }

  private static void writeFully(FileChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }

  private static SafetensorsDtype dtype(Tensor tensor, SafetensorsDtype storedAs) {
    return storedAs == null ? SafetensorsDtype.of(tensor.scalar_type()) : storedAs;
  }

  private static long bytes(Tensor tensor, SafetensorsDtype storedAs) {
    return tensor.numel() * dtype(tensor, storedAs).bytes();
  }
}
