package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.InputException;

class CheckpointStoreTest {
  @TempDir Path directory;

  @Test
  void a_saved_checkpoint_is_the_latest() {
    CheckpointStore store = new CheckpointStore(directory, 0);
    assertThat(store.latest()).isEmpty();
    Path second = store.save(20, dir -> write(dir, "a", "two"));
    store.save(9, dir -> write(dir, "a", "one"));
    assertThat(store.latest()).contains(second);
    assertThat(second.resolve("a")).hasContent("two");
  }

  @Test
  void only_the_newest_checkpoints_stay() {
    CheckpointStore store = new CheckpointStore(directory, 2);
    for (int step : new int[] {1, 2, 10}) {
      store.save(step, dir -> write(dir, "a", "x"));
    }
    assertThat(names()).containsExactly("checkpoint-10", "checkpoint-2");
  }

  @Test
  void the_best_checkpoint_stays_within_the_limit_or_beside_the_newest() {
    CheckpointStore store = new CheckpointStore(directory, 2);
    for (int step : new int[] {1, 2, 3, 4}) {
      store.save(step, dir -> write(dir, "a", "x"), OptionalLong.of(2));
    }
    assertThat(names()).containsExactly("checkpoint-2", "checkpoint-4");
    CheckpointStore one = new CheckpointStore(directory, 1);
    one.save(5, dir -> write(dir, "a", "x"), OptionalLong.of(2));
    assertThat(names()).containsExactly("checkpoint-2", "checkpoint-5");
    one.save(6, dir -> write(dir, "a", "x"), OptionalLong.of(6));
    assertThat(names()).containsExactly("checkpoint-6");
  }

  @Test
  void a_checkpoint_of_the_same_step_is_replaced() {
    CheckpointStore store = new CheckpointStore(directory, 0);
    store.save(3, dir -> write(dir, "a", "old"));
    Path checkpoint = store.save(3, dir -> write(dir, "b", "new"));
    assertThat(checkpoint.resolve("a")).doesNotExist();
    assertThat(checkpoint.resolve("b")).hasContent("new");
    assertThat(names()).containsExactly("checkpoint-3");
  }

  @Test
  void a_failure_while_saving_leaves_nothing_and_keeps_the_older_checkpoints() {
    CheckpointStore store = new CheckpointStore(directory, 1);
    store.save(1, dir -> write(dir, "a", "x"));
    assertThatThrownBy(
            () ->
                store.save(
                    2,
                    dir -> {
                      write(dir, "a", "half");
                      throw new InputException("disk full");
                    }))
        .isInstanceOf(InputException.class);
    assertThat(names()).containsExactly("checkpoint-1");
  }

  @Test
  void what_a_killed_run_left_is_removed_and_never_taken_for_a_checkpoint() throws IOException {
    Files.createDirectories(directory.resolve(".checkpoint-5.partial/deep"));
    Files.writeString(directory.resolve(".checkpoint-5.partial/deep/a"), "x");
    Files.createDirectories(directory.resolve(".checkpoint-4.old"));
    Files.createDirectories(directory.resolve("checkpoint-old"));
    CheckpointStore store = new CheckpointStore(directory, 0);
    assertThat(store.latest()).isEmpty();
    assertThat(names()).containsExactly("checkpoint-old");
  }

  @Test
  void a_path_that_is_a_file_is_an_input_error_with_its_name() throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "x");
    assertThatThrownBy(() -> new CheckpointStore(file, 0))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(file.toString());
  }

  @Test
  void a_second_run_in_the_same_directory_is_refused_while_the_first_holds_it() {
    try (RunLock first = RunLock.acquire(directory)) {
      assertThatThrownBy(() -> RunLock.acquire(directory))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(directory.toString())
          .hasMessageContaining("process " + ProcessHandle.current().pid());
    }
    RunLock.acquire(directory).close();
  }

  private List<String> names() {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void write(Path directory, String name, String text) {
    try {
      Files.writeString(directory.resolve(name), text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
