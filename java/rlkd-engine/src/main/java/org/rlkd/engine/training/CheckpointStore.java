package org.rlkd.engine.training;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
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

  /** Files of a checkpoint that are not the model's. */
  private static final Set<String> TRAINER_STATE =
      Set.of(
          "optimizer.safetensors",
          "rollouts.safetensors",
          EntropyFile.NAME,
          TrainerState.FILE,
          PeriodicEvaluation.FILE);

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

  /** As {@link #save(long, Consumer, OptionalLong)} without a best one. */
  public Path save(long step, Consumer<Path> content) {
    return save(step, content, OptionalLong.empty());
  }

  /**
   * Saves a checkpoint, then deletes the oldest ones beyond the limit. The best one counts among
   * those that are kept and is never deleted; with a limit of 1 it is kept beside the newest, as
   * transformers' Trainer does.
   *
   * @param step optimizer steps done; a checkpoint of the same step is replaced
   * @param content writes the files into the directory that it is given
   * @param best step of the best checkpoint
   * @return the checkpoint's directory
   * @throws InputException if it can't be written; then nothing of it is left
   */
  public Path save(long step, Consumer<Path> content, OptionalLong best) {
    Path target = checkpoint(step);
    if (Files.exists(target)) {
      remove(target);
    }
    try (StagedDirectory staged = StagedDirectory.open(target)) {
      content.accept(staged.path());
      staged.commit();
    }
    if (totalLimit > 0) {
      List<Path> others = new ArrayList<>(list());
      boolean bestBeside =
          best.isPresent()
              && best.getAsLong() != step
              && others.remove(checkpoint(best.getAsLong()));
      int kept = bestBeside ? Math.max(1, totalLimit - 1) : totalLimit;
      others.subList(0, Math.max(0, others.size() - kept)).stream()
          .filter(old -> !old.equals(target))
          .forEach(CheckpointStore::remove);
    }
    return target;
  }

  /** The run's output directory. */
  Path directory() {
    return directory;
  }

  /** The directory of a step's checkpoint, whether it is there or not. */
  public Path checkpoint(long step) {
    return directory.resolve("checkpoint-" + step);
  }

  /**
   * Copies the model of a checkpoint, without the trainer's state, into a directory.
   *
   * @throws InputException if it cannot be read or written
   */
  public static void copyModel(Path checkpoint, Path target) {
    try (Stream<Path> entries = Files.list(checkpoint)) {
      for (Path file : entries.filter(Files::isRegularFile).toList()) {
        String name = file.getFileName().toString();
        if (!TRAINER_STATE.contains(name)) {
          Path aside = target.resolve("." + name + ".partial");
          Files.copy(file, aside, StandardCopyOption.REPLACE_EXISTING);
          Files.move(aside, target.resolve(name), StandardCopyOption.ATOMIC_MOVE);
        }
      }
    } catch (IOException e) {
      throw new InputException(
          "Cannot copy the model of " + checkpoint + " to " + target + ": " + e, e);
    }
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
