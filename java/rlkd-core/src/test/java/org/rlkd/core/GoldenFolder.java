package org.rlkd.core;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The recorded values that golden tests compare with: the folder named by RLKD_GOLDEN, by default
 * $RLKD_SHARED/golden, where RLKD_SHARED is by default ../shared from the repository's root.
 */
public final class GoldenFolder {
  private GoldenFolder() {}

  /** A sub-folder; the calling test is skipped, naming the folder, if it is not there. */
  public static Path require(String name) {
    Path folder = root().resolve(name);
    assumeTrue(Files.isDirectory(folder), "no golden folder " + folder + "; set RLKD_GOLDEN");
    return folder;
  }

  /** The files of a sub-folder with the given ending, sorted. */
  public static List<Path> files(String name, String ending) {
    try (Stream<Path> files = Files.list(require(name))) {
      return files.filter(file -> file.toString().endsWith(ending)).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path root() {
    String golden = System.getenv("RLKD_GOLDEN");
    if (golden != null) {
      return Path.of(golden);
    }
    String shared = System.getenv("RLKD_SHARED");
    Path repository = Path.of(System.getProperty("rlkd.root", "."));
    return (shared != null ? Path.of(shared) : repository.resolve("../shared"))
        .resolve("golden")
        .normalize();
  }
}
