package org.rlkd.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The shared SmolLM2-135M-Instruct; a missing folder skips the test and is named. */
public final class SmolLm2 {
  private SmolLm2() {}

  /** A Hugging Face directory under target/, unpacked unless it is there. */
  public static Path directory() throws IOException, InterruptedException {
    Path models = GoldenModels.shared().resolve("models").toAbsolutePath();
    Path packed = models.resolve("smollm2-135m-instruct");
    assumeTrue(Files.isDirectory(packed), "shared model is missing: " + packed);
    Path directory =
        Path.of(System.getProperty("rlkd.root", "."), "target", "smollm2-135m-instruct")
            .toAbsolutePath();
    Files.createDirectories(directory.getParent());
    Process unpack =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                models.resolve("Unpack.java").toString(),
                packed.toString(),
                directory.toString())
            .inheritIO()
            .start();
    assertThat(unpack.waitFor()).as("exit code of Unpack.java").isZero();
    return directory;
  }
}
