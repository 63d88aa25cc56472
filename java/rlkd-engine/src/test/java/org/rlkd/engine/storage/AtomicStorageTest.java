package org.rlkd.engine.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.InputException;

/** Files and directories appear whole or not at all. */
class AtomicStorageTest {
  private static final Path FULL_DISK = Path.of("/dev/full");

  @TempDir Path directory;

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  /** Fails as a full disk does, after some bytes have gone out. */
  private static void fillTheDisk(FileChannel channel) throws IOException {
    channel.write(ByteBuffer.wrap(new byte[100]));
    try (FileChannel full = FileChannel.open(FULL_DISK, StandardOpenOption.WRITE)) {
      full.write(ByteBuffer.wrap(new byte[100]));
    }
  }

  @Test
  void aFullDiskIsNamedAndLeavesTheOldFileAndNothingElse() throws IOException {
    assumeTrue(Files.exists(FULL_DISK), "no " + FULL_DISK + " on this system");
    Path target = Files.writeString(directory.resolve("weights"), "old");
    assertThatThrownBy(() -> AtomicFile.write(target, AtomicStorageTest::fillTheDisk))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("cannot write " + target)
        .hasMessageContaining("No space left on device")
        .hasMessageContaining("bytes are free");
    assertThat(names()).containsExactly("weights");
    assertThat(target).hasContent("old");
  }

  @Test
  void anExceptionOfTheContentLeavesNothing() throws IOException {
    assertThatThrownBy(
            () ->
                AtomicFile.write(
                    directory.resolve("x"),
                    channel -> {
                      throw new IllegalStateException("stopped");
                    }))
        .isInstanceOf(IllegalStateException.class);
    assertThat(names()).isEmpty();
  }

  @Test
  void aFileReplacesTheOldOne() throws IOException {
    Path target = Files.writeString(directory.resolve("x"), "old");
    AtomicFile.write(target, channel -> channel.write(ByteBuffer.wrap("new".getBytes())));
    assertThat(target).hasContent("new");
    assertThat(names()).containsExactly("x");
  }

  @Test
  void aMissingDirectoryIsNamed() {
    Path target = directory.resolve("absent/x");
    assertThatThrownBy(() -> AtomicFile.write(target, channel -> {}))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("cannot write " + target)
        .hasMessageContaining("its directory does not exist");
  }

  @Test
  void aCommittedDirectoryIsInItsPlaceAndAnAbandonedOneIsGone() throws IOException {
    Path target = directory.resolve("deep/model");
    try (StagedDirectory staged = StagedDirectory.open(target)) {
      Files.createDirectory(staged.path().resolve("inner"));
      Files.writeString(staged.path().resolve("inner/file"), "content");
      assertThat(target).doesNotExist();
      staged.commit();
    }
    assertThat(target.resolve("inner/file")).hasContent("content");
    try (StagedDirectory staged = StagedDirectory.open(directory.resolve("other"))) {
      Files.writeString(staged.path().resolve("file"), "content");
    }
    assertThat(names()).containsExactly("deep");
  }

  @Test
  void whatAKilledRunLeftIsReplaced() throws IOException {
    Path target = directory.resolve("model");
    Path left;
    try (StagedDirectory killed = StagedDirectory.open(target)) {
      left = killed.path();
    }
    Files.createDirectory(left);
    Files.writeString(left.resolve("stale"), "from the killed run");
    try (StagedDirectory staged = StagedDirectory.open(target)) {
      Files.writeString(staged.path().resolve("file"), "content");
      staged.commit();
    }
    assertThat(target.resolve("stale")).doesNotExist();
    assertThat(names()).containsExactly("model");
  }

  @Test
  void aDirectoryThatHoldsSomethingIsNotOverwritten() throws IOException {
    Path target = Files.createDirectory(directory.resolve("model"));
    StagedDirectory.open(target).close();
    Files.writeString(target.resolve("precious"), "content");
    assertThatThrownBy(() -> StagedDirectory.open(target))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(target + " already exists and is not empty");
  }
}
