package org.rlkd.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.rlkd.core.InputException;

/** The teachers' decompositions of one command, in a file that goes with it. */
final class TemporaryTeacherCache implements AutoCloseable {
  private final Path directory;

  TemporaryTeacherCache() {
    try {
      directory = Files.createTempDirectory("rlkd");
    } catch (IOException e) {
      throw new InputException(
          "no temporary directory can be made: %s. Set -Djava.io.tmpdir in RLKD_JAVA_OPTS."
              .formatted(e),
          e);
    }
  }

  Path path() {
    return directory.resolve("teacher-cache.jsonl");
  }

  @Override
  public void close() {
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) { // the judge's answers lie beside the teachers' steps
        Files.delete(file);
      }
      Files.delete(directory);
    } catch (IOException e) {
      throw new InputException("%s cannot be removed: %s".formatted(directory, e), e);
    }
  }
}
