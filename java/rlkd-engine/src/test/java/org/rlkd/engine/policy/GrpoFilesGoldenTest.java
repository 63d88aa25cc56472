package org.rlkd.engine.policy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.rlkd.engine.GoldenFolder;

/** No recorded value of TRL's GRPO is left unread. */
class GrpoFilesGoldenTest {
  private static final String LOSSES = "loss-.*";
  private static final String OTHERS = "(advantages|truncation|sampler-ratio)(-.*)?";

  @Test
  void everyFileIsOfAKindThatOneOfTheGoldenTestsReads() throws IOException {
    assertThat(GoldenFolder.files("grpo", ".json"))
        .extracting(Path::getFileName)
        .extracting(Path::toString)
        .allMatch(name -> name.matches("(" + LOSSES + "|" + OTHERS + ")\\.json"));
  }
}
