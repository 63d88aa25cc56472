package org.rlkd.engine.model;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Finds the shared golden files; what is missing skips the test and is named. */
public final class GoldenModels {
  private GoldenModels() {}

  public static Path shared() {
    String shared = System.getenv("RLKD_SHARED");
    return shared != null
        ? Path.of(shared)
        : Path.of(System.getProperty("rlkd.root", ".")).resolve("../shared").normalize();
  }

  public static Path golden() {
    String golden = System.getenv("RLKD_GOLDEN");
    return golden != null ? Path.of(golden) : shared().resolve("golden");
  }

  /** Every model directory under golden/models, sorted. */
  public static List<Path> directories() throws IOException {
    Path models = golden().resolve("models");
    assumeTrue(Files.isDirectory(models), "golden folder is missing: " + models);
    try (Stream<Path> list = Files.list(models)) {
      List<Path> directories =
          list.filter(d -> Files.exists(d.resolve("golden.safetensors"))).sorted().toList();
      assumeTrue(!directories.isEmpty(), "no model in golden folder " + models);
      return directories;
    }
  }
}
