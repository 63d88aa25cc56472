package org.rlkd.core.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataSearchPathTest {
  @TempDir Path folder;

  @Test
  void theFirstDirectoryThatHasTheNameIsTaken() throws IOException {
    Path first = Files.createDirectory(folder.resolve("first"));
    Path second = Files.createDirectory(folder.resolve("second"));
    Path third = Files.createDirectory(folder.resolve("third"));
    Files.createFile(second.resolve("data.jsonl"));
    Files.createFile(third.resolve("data.jsonl"));
    assertThat(new DataSearchPath(List.of(first, second, third)).resolve("data.jsonl"))
        .isEqualTo(second.resolve("data.jsonl").toString());
  }

  @Test
  void aNameThatIsNowhereStaysAsItIs() {
    assertThat(new DataSearchPath(List.of(folder)).resolve("org/name")).isEqualTo("org/name");
  }

  @Test
  void anAbsoluteNameIsNotLookedForElsewhere() throws IOException {
    Files.createFile(folder.resolve("data.jsonl"));
    Path absent = folder.resolve("absent/data.jsonl").toAbsolutePath();
    assertThat(new DataSearchPath(List.of(folder)).resolve(absent.toString()))
        .isEqualTo(absent.toString());
  }

  @Test
  void dataBesideTheConfigurationIsFoundByDatasetNameAndDatasetFiles() throws IOException {
    Path data = Files.createFile(folder.resolve("beside-the-configuration.jsonl"));
    Path config = Files.createFile(folder.resolve("config.yaml"));
    assertThat(
            GrpoConfig.load(
                    Optional.of(config), List.of("dataset_name=beside-the-configuration.jsonl"))
                .data()
                .datasetName())
        .contains(data.toString());
    assertThat(
            GrpoConfig.load(
                    Optional.of(config),
                    List.of("rlkd.dataset_files=[beside-the-configuration.jsonl]"))
                .data()
                .files())
        .containsExactly(data.toString());
  }
}
