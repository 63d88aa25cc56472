package org.rlkd.engine.training;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.rlkd.core.InputException;

/**
 * The {@code checkpoint-STEP} directories of a run. One is either complete or not there: it is
 * written aside as {@code .checkpoint-STEP.partial}, every file and directory is synced to the
 * disk, then it is renamed.
 *
 * <p>The owner holds the {@link RunLock} of the output directory.
 */
public final class CheckpointStore {
  private static final Pattern NAME = Pattern.compile("checkpoint-(\\d{1,18})");
  private static final String PARTIAL = ".partial";

  private final Path directory;
  private final int totalLimit;

  /**
   * Opens the store and removes what a killed run left half-written.
   *
   * @param directory the run's output directory
   * @param totalLimit newest checkpoints to keep ({@code save_total_limit}); 0 keeps all
   */
  public CheckpointStore(Path directory, int totalLimit) {
    if (totalLimit < 0) {
      throw new IllegalArgumentException("save_total_limit of " + totalLimit);
    }
    this.directory = directory;
    this.totalLimit = totalLimit;
    try {
      Files.createDirectories(directory);
      try (Stream<Path> entries = Files.list(directory)) {
        for (Path entry : entries.filter(CheckpointStore::isPartial).toList()) {
          deleteTree(entry);
        }
      }
    } catch (IOException e) {
      throw cannotWrite(directory, e);
    }
  }

  /** Writes the files of a checkpoint into a directory. */
  @FunctionalInterface
  public interface Content {
    /** Writes into the directory, which exists and is empty. */
    void writeTo(Path directory) throws IOException;
  }

  /**
   * Saves a checkpoint, then deletes the oldest ones beyond the limit.
   *
   * @param step optimizer steps done; a checkpoint of the same step is replaced
   * @return the checkpoint's directory
   * @throws InputException if it can't be written; then nothing of it is left
   */
  public Path save(long step, Content content) {
    Path target = directory.resolve("checkpoint-" + step);
    writeAtomically(target, content);
    if (totalLimit > 0) {
      List<Path> all = list();
      for (Path old : all.subList(0, Math.max(0, all.size() - totalLimit))) {
        if (!old.equals(target)) {
          remove(old);
        }
      }
    }
    return target;
  }

  /** The newest complete checkpoint. */
  public Optional<Path> latest() {
    List<Path> all = list();
    return all.isEmpty() ? Optional.empty() : Optional.of(all.get(all.size() - 1));
  }

  /** The complete checkpoints, oldest first. */
  public List<Path> list() {
    try (Stream<Path> entries = Files.list(directory)) {
      List<Path> found = new ArrayList<>();
      entries
          .filter(path -> NAME.matcher(path.getFileName().toString()).matches())
          .filter(Files::isDirectory)
          .forEach(found::add);
      found.sort(Comparator.comparingLong(CheckpointStore::stepOf));
      return found;
    } catch (IOException e) {
      throw new InputException("Cannot read the output directory " + directory + ": " + e, e);
    }
  }

  /**
   * Writes a directory so that it is either complete or not there.
   *
   * @throws InputException if it can't be written; then nothing of it is left
   */
  public static void writeAtomically(Path target, Content content) {
    Path partial = target.resolveSibling("." + target.getFileName() + PARTIAL);
    try {
      deleteTree(partial);
      Files.createDirectories(partial);
      content.writeTo(partial);
      syncTree(partial);
      replace(partial, target);
      sync(target.toAbsolutePath().getParent());
    } catch (IOException | UncheckedIOException | InputException e) {
      try {
        deleteTree(partial);
      } catch (IOException leftover) {
        e.addSuppressed(leftover);
      }
      throw cannotWrite(target, e);
    }
  }

  private static void replace(Path partial, Path target) throws IOException {
    if (!Files.exists(target)) {
      Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
      return;
    }
    // A directory that isn't empty can't be renamed over: the old one steps aside first.
    Path old = target.resolveSibling("." + target.getFileName() + ".old" + PARTIAL);
    deleteTree(old);
    Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
    Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
    deleteTree(old);
  }

  private void remove(Path checkpoint) {
    try {
      // Renamed first, so that a kill between two deletions leaves no incomplete checkpoint.
      Path aside = checkpoint.resolveSibling("." + checkpoint.getFileName() + ".old" + PARTIAL);
      Files.move(checkpoint, aside, StandardCopyOption.ATOMIC_MOVE);
      deleteTree(aside);
    } catch (IOException e) {
      throw cannotWrite(checkpoint, e);
    }
  }

  private static long stepOf(Path checkpoint) {
    Matcher name = NAME.matcher(checkpoint.getFileName().toString());
    if (!name.matches()) {
      throw new IllegalArgumentException(checkpoint + " is not a checkpoint");
    }
    return Long.parseLong(name.group(1));
  }

  private static boolean isPartial(Path path) {
    String name = path.getFileName().toString();
    return name.startsWith(".checkpoint-") && name.endsWith(PARTIAL);
  }

  private static void syncTree(Path root) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.toList()) {
        sync(file);
      }
    }
  }

  private static void sync(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  private static void deleteTree(Path root) throws IOException {
    if (!Files.exists(root)) {
      return;
    }
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path visited, IOException failure)
              throws IOException {
            if (failure != null) {
              throw failure;
            }
            Files.delete(visited);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private static InputException cannotWrite(Path path, Exception e) {
    String reason = e instanceof InputException ? e.getMessage() : e.toString();
    return new InputException(
        "Cannot write the checkpoint "
            + path
            + ": "
            + reason
            + ". Nothing of it was left behind; free some space or choose a writable directory, then"
            + " resume from the last complete checkpoint.",
        e);
  }
}
