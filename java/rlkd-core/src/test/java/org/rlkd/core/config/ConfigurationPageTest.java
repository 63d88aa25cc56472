package org.rlkd.core.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code docs/configuration.md} says what the tables of keys say. */
class ConfigurationPageTest {

  @Test
  void thePageHasEveryKeyWithItsStanding() throws IOException {
    String page =
        Files.readString(
            Path.of(System.getProperty("rlkd.root", "../.."), "docs", "configuration.md"));
    int refused = page.indexOf("## Refused");
    int notApplicable = page.indexOf("## Not applicable");
    List<String> wrong = new ArrayList<>();
    for (KeyTable table : List.of(GrpoConfig.keys(), SftConfig.keys())) {
      table
          .standings()
          .forEach(
              (name, standing) -> {
                String expected;
                String section;
                if (standing instanceof Standing.Acts acts) {
                  expected = "| " + acts.expected() + " | `";
                  section = page.substring(0, refused);
                } else if (standing instanceof Standing.Refused refusal) {
                  expected = refusal.reason();
                  section = page.substring(refused, notApplicable);
                } else {
                  expected = ((Standing.NotApplicable) standing).reason().substring(1);
                  section = page.substring(notApplicable);
                }
                boolean found =
                    section
                        .lines()
                        .anyMatch(
                            line -> line.contains("`" + name + "`") && line.contains(expected));
                if (!found) {
                  wrong.add(name + ": " + standing);
                }
              });
    }
    assertThat(wrong).isEmpty();
  }
}
