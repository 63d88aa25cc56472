package org.rlkd.engine.training;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.rlkd.core.InputException;

/**
 * Keeps two runs out of one output directory: an exclusive lock of the operating system on {@code
 * DIR/.rlkd.lock}, which ends with the process however the process ends.
 */
public final class RunLock implements AutoCloseable {
  private static final String FILE = ".rlkd.lock";

  private final FileChannel channel;
  private final FileLock lock;

  private RunLock(FileChannel channel, FileLock lock) {
    this.channel = channel;
    this.lock = lock;
  }

  /**
   * Makes the directory if needed and locks it.
   *
   * @throws InputException if another run holds it or it is not writable
   */
  public static RunLock acquire(Path directory) {
    Path file = directory.resolve(FILE);
    FileChannel channel = null;
    try {
      Files.createDirectories(directory);
      channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      FileLock lock = tryLock(channel);
      if (lock == null) {
        String holder = new String(Files.readAllBytes(file), StandardCharsets.UTF_8).strip();
        channel.close();
        throw new InputException(
            "Another run"
                + (holder.isEmpty() ? "" : " (process " + holder + ")")
                + " is using "
                + directory
                + ". Wait for it to end, or choose another output directory.");
      }
      channel.truncate(0);
      channel.write(
          ByteBuffer.wrap((ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.UTF_8)));
      return new RunLock(channel, lock);
    } catch (IOException e) {
      closeQuietly(channel);
      throw new InputException(
          "Cannot write to the output directory "
              + directory
              + ": "
              + e
              + ". Choose a directory that is writable and has free space.",
          e);
    }
  }

  private static FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  private static void closeQuietly(FileChannel channel) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        // The failure that led here is the one to report.
      }
    }
  }

  @Override
  public void close() {
    try {
      lock.release();
      channel.close();
    } catch (IOException e) {
      throw new InputException("Cannot release the lock of the output directory: " + e, e);
    }
  }
}
