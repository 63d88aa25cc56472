package org.rlkd.engine.storage;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.rlkd.core.InputException;

/** A file that appears whole or not at all: written aside, forced to the disk, renamed. */
public final class AtomicFile {
  private AtomicFile() {}

  /** Writes the bytes of a file. */
  @FunctionalInterface
  public interface Content {
    void writeTo(FileChannel channel) throws IOException;
  }

  /**
   * Creates or replaces {@code target}.
   *
   * @throws InputException if it cannot be written (disk full, no permission, no such directory);
   *     then {@code target} is as it was and nothing is left beside it
   */
  public static void write(Path target, Content content) {
    Path directory = target.toAbsolutePath().getParent();
    Path partial = directory.resolve("." + target.getFileName() + ".partial");
    try {
      try {
        try (FileChannel channel =
            FileChannel.open(
                partial,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE)) {
          content.writeTo(channel);
          channel.force(true);
        }
        Files.move(
            partial, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        forceDirectory(directory);
      } finally {
        Files.deleteIfExists(partial);
      }
    } catch (IOException e) {
      throw cannotWrite(target, e);
    }
  }

  /** Makes the entries of a directory durable. */
  static void forceDirectory(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  static InputException cannotWrite(Path target, IOException cause) {
    return new InputException(
        "cannot write "
            + target
            + ": "
            + reason(cause)
            + freeSpace(target)
            + "; name a directory that can be written and has room",
        cause);
  }

  private static String reason(IOException cause) {
    if (cause instanceof NoSuchFileException) {
      return "its directory does not exist";
    }
    if (cause instanceof FileAlreadyExistsException) {
      return "a file of that name is in the way";
    }
    if (cause instanceof FileSystemException failure && failure.getReason() != null) {
      return failure.getReason();
    }
    return cause.getMessage();
  }

  private static String freeSpace(Path target) {
    try {
      Path directory = target.toAbsolutePath().getParent();
      long bytes = Files.getFileStore(directory).getUsableSpace();
      return " (" + bytes + " bytes are free in " + directory + ")";
    } catch (IOException e) {
      return "";
    }
  }
}
