package org.rlkd.engine.training;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.rlkd.core.InputException;
import org.rlkd.engine.storage.StagedDirectory;

/**
 * The {@code checkpoint-STEP} directories of a run. One is either complete or not there.
 *
 * <p>The owner holds the {@link RunLock} of the output directory.
 */
public final class CheckpointStore {
  private static final Pattern NAME = Pattern.compile("checkpoint-(\\d{1,18})");
  private static final Pattern LEFTOVER =
      Pattern.compile("\\.checkpoint-\\d+(\\.old)?(\\.partial)?");

  private final Path directory;
  private final int totalLimit;

  /**
   * Opens the store and removes what a killed run left half-written or half-deleted.
   *
   * @param directory the run's output directory; made if it isn't there
   * @param totalLimit newest checkpoints to keep ({@code save_total_limit}); 0 keeps all
   * @throws InputException if the directory can't be written
   */
  public CheckpointStore(Path directory, int totalLimit) {
    if (totalLimit < 0) {
      throw new IllegalArgumentException("save_total_limit of " + totalLimit);
    }
    this.directory = directory;
    this.totalLimit = totalLimit;
    try {
      Files.createDirectories(directory);
      for (Path leftover : matching(LEFTOVER)) {
        deleteTree(leftover);
      }
    } catch (IOException e) {
      throw new InputException(
          "Cannot write to the output directory "
              + directory
              + ": "
              + e
              + ". Choose a directory that is writable and has free space.",
          e);
    }
  }

  /**
   * Saves a checkpoint, then deletes the oldest ones beyond the limit.
   *
   * @param step optimizer steps done; a checkpoint of the same step is replaced
   * @param content writes the files into the directory that it is given
   * @return the checkpoint's directory
   * @throws InputException if it can't be written; then nothing of it is left
   */
  public Path save(long step, Consumer<Path> content) {
    Path target = directory.resolve("checkpoint-" + step);
    if (Files.exists(target)) {
      remove(target);
    }
    try (StagedDirectory staged = StagedDirectory.open(target)) {
      content.accept(staged.path());
      staged.commit();
    }
    if (totalLimit > 0) {
      List<Path> all = list();
      all.subList(0, Math.max(0, all.size() - totalLimit)).stream()
          .filter(old -> !old.equals(target))
          .forEach(CheckpointStore::remove);
    }
    return target;
  }

  /** Deletes every checkpoint. */
  public void clear() {
    list().forEach(CheckpointStore::remove);
  }

  /** The newest complete checkpoint. */
  public Optional<Path> latest() {
    List<Path> all = list();
    return all.isEmpty() ? Optional.empty() : Optional.of(all.get(all.size() - 1));
  }

  /** The complete checkpoints, oldest first. */
  public List<Path> list() {
    try {
      return matching(NAME).stream()
          .filter(Files::isDirectory)
          .sorted(Comparator.comparingLong(CheckpointStore::stepOf))
          .toList();
    } catch (IOException e) {
      throw new InputException("Cannot read the output directory " + directory + ": " + e, e);
    }
  }

  /** Optimizer steps done at a checkpoint, from its name. */
  public static long stepOf(Path checkpoint) {
    Matcher name = NAME.matcher(checkpoint.getFileName().toString());
    if (!name.matches()) {
      throw new InputException(
          checkpoint + " is not a checkpoint: its name should be checkpoint-STEP");
    }
    return Long.parseLong(name.group(1));
  }

  private List<Path> matching(Pattern name) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.filter(path -> name.matcher(path.getFileName().toString()).matches()).toList();
    }
  }

  /** Renames first, so that a kill between two deletions leaves no incomplete checkpoint. */
  private static void remove(Path checkpoint) {
    Path aside = checkpoint.resolveSibling("." + checkpoint.getFileName() + ".old");
    try {
      Files.move(checkpoint, aside, StandardCopyOption.ATOMIC_MOVE);
      deleteTree(aside);
    } catch (IOException e) {
      throw new InputException("Cannot delete the old checkpoint " + checkpoint + ": " + e, e);
    }
  }

  private static void deleteTree(Path root) throws IOException {
    List<Path> contents;
    try (Stream<Path> files = Files.walk(root)) {
      contents = files.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path file : contents) {
      Files.delete(file);
    }
  }
}
