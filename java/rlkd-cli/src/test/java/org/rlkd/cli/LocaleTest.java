package org.rlkd.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Locale;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is printed does not depend on the machine's language. */
class LocaleTest {
  @ParameterizedTest
  @ValueSource(strings = {"de-DE", "ar-EG"})
  void numbers_have_plain_digits_and_a_point(String language) {
    Locale before = Locale.getDefault();
    Locale.setDefault(Locale.forLanguageTag(language));
    try {
      CapturedRun run = CapturedRun.of("doctor");
      assertThat(run.exitCode()).isZero();
      assertThat(run.out())
          .containsPattern("at most [0-9]+\\.[0-9] GiB")
          .containsPattern("all 9 checks passed in [0-9]+\\.[0-9] s");
    } finally {
      Locale.setDefault(before);
    }
  }
}
