package org.rlkd.engine.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.rlkd.core.InputException;

/**
 * What a directory held at one moment, so that a run that never got going can take back its files.
 *
 * @param existed whether there was a directory
 * @param entries what was in it
 */
record DirectorySnapshot(Path directory, boolean existed, Set<Path> entries) {

  static DirectorySnapshot of(Path directory) {
    if (!Files.isDirectory(directory)) {
      return new DirectorySnapshot(directory, false, Set.of());
    }
    try {
      return new DirectorySnapshot(directory, true, Set.copyOf(list(directory)));
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be read: %s. Choose another output directory.".formatted(directory, e), e);
    }
  }

  /** Removes the files that have come since, and the directory if it is new and now empty. */
  void removeNewFiles() {
    try {
      for (Path entry : list(directory)) {
        if (!entries.contains(entry) && Files.isRegularFile(entry)) {
          Files.delete(entry);
        }
      }
      if (!existed && list(directory).isEmpty()) {
        Files.delete(directory);
      }
    } catch (IOException e) {
      throw new InputException("%s cannot be cleaned up: %s".formatted(directory, e), e);
    }
  }

  private static List<Path> list(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.collect(Collectors.toList());
    }
  }
}
