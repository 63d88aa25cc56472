package org.rlkd.core.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class NearestNameTest {

  private static final List<String> KNOWN =
      List.of("learning_rate", "max_length", "max_steps", "reward_funcs", "reward_weights");

  @Test
  void aSlipOfTheFingersFindsTheName() {
    assertThat(NearestName.of("learnign_rate", KNOWN)).contains("learning_rate");
    assertThat(NearestName.of("max_step", KNOWN)).contains("max_steps");
    assertThat(NearestName.of("Reward-Funcs", KNOWN)).contains("reward_funcs");
  }

  @Test
  void aPartOfTheNameFindsIt() {
    assertThat(NearestName.of("funcs", KNOWN)).contains("reward_funcs");
  }

  @Test
  void somethingElseFindsNothing() {
    assertThat(NearestName.of("wandb", KNOWN)).isEmpty();
    assertThat(NearestName.of("", KNOWN)).isEmpty();
    assertThat(NearestName.hint("wandb", KNOWN)).isEmpty();
  }

  @Test
  void theHintAsksAQuestion() {
    assertThat(NearestName.hint("max_lenght", KNOWN)).isEqualTo("; did you mean 'max_length'?");
  }
}
