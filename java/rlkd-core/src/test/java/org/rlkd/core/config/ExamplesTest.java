package org.rlkd.core.config;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every configuration under {@code examples/} loads. */
class ExamplesTest {

  @TestFactory
  Stream<DynamicTest> everyExampleLoads() throws IOException {
    Path folder = Path.of(System.getProperty("rlkd.root", "../.."), "examples");
    assumeTrue(Files.isDirectory(folder), "no folder " + folder);
    List<Path> files;
    try (Stream<Path> list = Files.walk(folder)) {
      files = list.filter(file -> file.toString().endsWith(".yaml")).sorted().toList();
    }
    return files.stream()
        .map(
            file ->
                DynamicTest.dynamicTest(
                    folder.relativize(file).toString(),
                    () -> assertThatCode(() -> load(file)).doesNotThrowAnyException()));
  }

  private static Object load(Path file) {
    return file.getFileName().toString().contains("sft")
        ? SftConfig.load(Optional.of(file), List.of())
        : GrpoConfig.load(Optional.of(file), List.of());
  }
}
