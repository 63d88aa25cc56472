package org.rlkd.engine.safetensors;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.rlkd.core.InputException;

/**
 * A safetensors file opened for reading. The header is validated on opening; tensor data is read in
 * chunks of 8 MiB and copied (converted if the dtypes differ) into the destination, so that loading
 * needs no memory beyond the destination. A mapped file would count as this process's memory until
 * the garbage collector finds the mapping.
 *
 * <p>The file must not shrink while it is open.
 */
public final class SafetensorsFile implements AutoCloseable {
  /** Bytes of a file that are read at once; a whole number of elements of every dtype. */
  private static final long CHUNK_BYTES = 8L << 20;

  private final Path file;
  private final FileChannel channel;
  private final SafetensorsHeader header;

  private SafetensorsFile(Path file, FileChannel channel, SafetensorsHeader header) {
    this.file = file;
    this.channel = channel;
    this.header = header;
  }

  /**
   * Opens a file and checks its header against its size.
   *
   * @throws InputException if it is missing, truncated, or its header is malformed; the message
   *     names the file and the tensor
   */
  public static SafetensorsFile open(Path file) {
    FileChannel channel = null;
    try {
      channel = FileChannel.open(file, StandardOpenOption.READ);
      SafetensorsFile opened =
          new SafetensorsFile(file, channel, SafetensorsHeader.read(file, channel));
      channel = null;
      return opened;
    } catch (NoSuchFileException e) {
      throw new InputException(file + " does not exist", e);
    } catch (IOException e) {
      throw new InputException(file + " cannot be read: " + e.getMessage(), e);
    } finally {
      closeQuietly(channel);
    }
  }

  public Path path() {
    return file;
  }

  /** The tensors by name, in the order of their data. */
  public Map<String, SafetensorsEntry> entries() {
    return Collections.unmodifiableMap(header.entries());
  }

  /** The strings under {@code __metadata__}; possibly empty. */
  public Map<String, String> metadata() {
    return Collections.unmodifiableMap(header.metadata());
  }

  /**
   * One tensor in its stored dtype, copied to memory of its own.
   *
   * @throws InputException if there is no such tensor
   */
  public Tensor read(String name) {
    SafetensorsEntry entry = entry(name);
    Tensor tensor = torch.empty(entry.sizes(), new TensorOptions(entry.dtype().scalarType()), null);
    copyTo(name, tensor);
    return tensor;
  }

  /**
   * Copies one tensor into {@code destination}, converting to its dtype.
   *
   * @param destination contiguous CPU tensor of the same shape
   * @throws InputException if there is no such tensor or it has another shape
   */
  public void copyTo(String name, Tensor destination) {
    SafetensorsEntry entry = entry(name);
    try (PointerScope scope = new PointerScope();
        AutoGradMode noGradients = new AutoGradMode(false)) {
      requireShape(entry, destination);
      Tensor flat = destination.view(-1);
      TensorOptions stored = new TensorOptions(entry.dtype().scalarType());
      long size = Math.min(CHUNK_BYTES, entry.bytes());
      BytePointer chunk = new BytePointer(size);
      for (long done = 0; done < entry.bytes(); done += size) {
        long bytes = Math.min(size, entry.bytes() - done);
        long elements = bytes / entry.dtype().bytes();
        readFully(chunk.limit(bytes).asByteBuffer(), entry.offset() + done, name);
        Tensor source = torch.from_blob(chunk, new long[] {elements}, stored);
        flat.narrow(0, done / entry.dtype().bytes(), elements).copy_(source);
      }
    } catch (IOException e) {
      throw new InputException(
          file + ", tensor " + name + ": cannot be read: " + e.getMessage(), e);
    }
  }

  private void readFully(ByteBuffer chunk, long position, String name) throws IOException {
    long at = position;
    while (chunk.hasRemaining()) {
      int read = channel.read(chunk, at);
      if (read < 0) {
        throw new InputException(
            file + ", tensor " + name + ": the file has become shorter while it was read");
      }
      at += read;
    }
  }

  private void requireShape(SafetensorsEntry entry, Tensor destination) {
    long[] expected = new long[(int) destination.dim()];
    for (int i = 0; i < expected.length; i++) {
      expected[i] = destination.size(i);
    }
    if (!Arrays.equals(expected, entry.sizes())) {
      throw new InputException(
          file
              + ", tensor "
              + entry.name()
              + ": has shape "
              + entry.shape()
              + ", expected "
              + Arrays.toString(expected));
    }
  }

  private SafetensorsEntry entry(String name) {
    SafetensorsEntry entry = header.entries().get(name);
    if (entry == null) {
      throw new InputException(file + " has no tensor " + name);
    }
    return entry;
  }

  @Override
  public void close() {
    closeQuietly(channel);
  }

  /** Nothing was written through the channel, so a failing close loses nothing. */
  private static void closeQuietly(FileChannel channel) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        System.getLogger(SafetensorsFile.class.getName())
            .log(System.Logger.Level.DEBUG, "closing a file opened for reading failed", e);
      }
    }
  }
}
