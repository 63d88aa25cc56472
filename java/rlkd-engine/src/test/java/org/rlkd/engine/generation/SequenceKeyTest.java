package org.rlkd.engine.generation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SequenceKeyTest {
  /** The first two outputs of splitmix64 from state 0. */
  @Test
  void mixesWithTheFinaliserOfSplitmix64() {
    assertThat(SequenceKey.absorb(0, 0)).isEqualTo(0xE220A8397B1DCDAFL);
    assertThat(SequenceKey.absorb(0, 0x9E3779B97F4A7C15L)).isEqualTo(0x6E789E6AA1B965F4L);
  }

  @Test
  void keysOfNeighbouringTuplesAreAllDifferent() {
    Set<Long> keys = new HashSet<>();
    int count = 0;
    for (long seed = 0; seed < 8; seed++) {
      for (long step = 0; step < 16; step++) {
        for (long prompt = 0; prompt < 32; prompt++) {
          for (int completion = 0; completion < 16; completion++, count++) {
            keys.add(SequenceKey.of(seed, step, prompt, completion));
          }
        }
      }
    }
    assertThat(keys).hasSize(count);
  }
}
