package org.rlkd.engine.gsrm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.rlkd.core.gsrm.Decomposition;
import org.rlkd.core.gsrm.Reasoning;
import org.rlkd.core.gsrm.Step;
import org.rlkd.core.gsrm.Structure;

class RecentDecompositionsTest {
  private static final long CAPACITY = 1 << 20;

  private final RecentDecompositions recent = new RecentDecompositions(CAPACITY);

  private static Reasoning reasoning(int number, int length) {
    return new Reasoning("", number + "x".repeat(length));
  }

  private static Decomposition parsed(int length) {
    String text = "y".repeat(length);
    return new Decomposition.Parsed(new Structure(List.of(new Step(text, text, text))));
  }

  @Test
  void bytes_stay_within_the_capacity_whatever_the_lengths_of_the_texts() {
    for (int i = 0; i < 20_000; i++) {
      recent.put(reasoning(i, i % 97 * 100), i % 3 == 0 ? failed() : parsed(i % 89 * 10));
      assertThat(recent.bytes()).isBetween(1L, CAPACITY);
    }
    assertThat(recent.bytes()).isGreaterThan(CAPACITY - (1 << 16));
  }

  private static Decomposition failed() {
    return new Decomposition.Failed("no tags");
  }

  @Test
  void what_was_asked_for_last_is_kept_and_the_rest_goes() {
    for (int i = 0; i < 3; i++) {
      recent.put(reasoning(i, 150_000), failed());
    }
    assertThat(recent.get(reasoning(0, 150_000))).isEqualTo(failed());
    recent.put(reasoning(3, 150_000), parsed(1));
    assertThat(recent.get(reasoning(1, 150_000))).isNull();
    assertThat(recent.get(reasoning(0, 150_000))).isEqualTo(failed());
    assertThat(recent.get(reasoning(2, 150_000))).isEqualTo(failed());
    assertThat(recent.get(reasoning(3, 150_000))).isEqualTo(parsed(1));
  }

  @Test
  void a_text_larger_than_all_room_displaces_nothing() {
    recent.put(reasoning(1, 10), parsed(10));
    recent.put(reasoning(2, 1 << 20), parsed(10));
    assertThat(recent.get(reasoning(2, 1 << 20))).isNull();
    assertThat(recent.get(reasoning(1, 10))).isEqualTo(parsed(10));
  }

  @Test
  void the_same_decomposition_put_again_takes_no_more_room() {
    recent.put(reasoning(1, 100), parsed(10));
    long bytes = recent.bytes();
    recent.put(reasoning(1, 100), parsed(10));
    assertThat(recent.bytes()).isEqualTo(bytes);
  }
}
