package org.rlkd.engine.storage;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.rlkd.core.InputException;

/**
 * A directory that appears whole or not at all: filled under a hidden name beside its place, then
 * forced to the disk and renamed by {@link #commit()}. Closing without a commit removes it.
 */
public final class StagedDirectory implements AutoCloseable {
  private final Path target;
  private final Path staging;
  private boolean committed;

  private StagedDirectory(Path target, Path staging) {
    this.target = target;
    this.staging = staging;
  }

  /**
   * Starts a directory that will become {@code target}. What a killed run left under the hidden
   * name is removed; missing parents are created.
   *
   * @throws InputException if {@code target} exists and is not an empty directory, or the place
   *     cannot be written
   */
  public static StagedDirectory open(Path target) {
    Path absolute = target.toAbsolutePath().normalize();
    try {
      if (Files.exists(absolute) && !isEmptyDirectory(absolute)) {
        throw new InputException(
            target + " already exists and is not empty; name another directory or remove it");
      }
      Path staging = absolute.resolveSibling("." + absolute.getFileName() + ".partial");
      Files.createDirectories(absolute.getParent());
      delete(staging);
      Files.createDirectory(staging);
      return new StagedDirectory(absolute, staging);
    } catch (IOException e) {
      throw AtomicFile.cannotWrite(target, e);
    }
  }

  /** Where to write the files. */
  public Path path() {
    return staging;
  }

  /** Puts the directory in its place. */
  public void commit() {
    try {
      for (Path file : contents(staging)) {
        if (Files.isDirectory(file)) {
          AtomicFile.forceDirectory(file);
        } else {
          try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.force(true);
          }
        }
      }
      Files.deleteIfExists(target);
      Files.move(staging, target, StandardCopyOption.ATOMIC_MOVE);
      committed = true;
      AtomicFile.forceDirectory(target.getParent());
    } catch (IOException e) {
      throw AtomicFile.cannotWrite(target, e);
    }
  }

  @Override
  public void close() {
    if (!committed) {
      try {
        delete(staging);
      } catch (IOException e) {
        throw new InputException("cannot remove the unfinished " + staging, e);
      }
    }
  }

  private static boolean isEmptyDirectory(Path path) throws IOException {
    return Files.isDirectory(path) && contents(path).size() == 1;
  }

  private static void delete(Path directory) throws IOException {
    try {
      for (Path file : contents(directory)) {
        Files.delete(file);
      }
    } catch (NoSuchFileException e) {
      if (Files.exists(directory)) {
        throw e;
      }
    }
  }

  /** Everything in a directory, children before their parents, the directory itself last. */
  private static List<Path> contents(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      return files.sorted(Comparator.reverseOrder()).toList();
    }
  }
}
