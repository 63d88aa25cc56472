package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BestFitDecreasingTest {
  @Test
  void each_document_goes_into_the_fullest_row_that_has_room() {
    assertThat(BestFitDecreasing.rows(new int[] {3, 7, 2, 6, 1, 4}, 10))
        .containsExactly(new int[] {1, 0}, new int[] {3, 5}, new int[] {2, 4});
  }

  @Test
  void every_document_is_in_one_row_and_no_row_is_too_long() {
    int[] lengths = new SplittableRandom(1).ints(5000, 1, 1025).toArray();
    List<int[]> rows = BestFitDecreasing.rows(lengths, 1024);
    assertThat(rows.stream().flatMapToInt(Arrays::stream).sorted().toArray())
        .isEqualTo(IntStream.range(0, 5000).toArray());
    assertThat(rows)
        .allSatisfy(
            row -> assertThat(Arrays.stream(row).map(i -> lengths[i]).sum()).isBetween(1, 1024));
    int fewest = (Arrays.stream(lengths).sum() + 1023) / 1024;
    assertThat(rows.size()).isBetween(fewest, fewest + fewest / 20);
  }

  @Test
  void a_document_longer_than_a_row_is_refused() {
    assertThatThrownBy(() -> BestFitDecreasing.rows(new int[] {11}, 10))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
