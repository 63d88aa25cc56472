package org.rlkd.engine.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.LoraConfig;
import org.rlkd.engine.memory.MemoryPlan.Sampling;
import org.rlkd.engine.memory.MemoryPlan.Workload;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelConfig;
import org.rlkd.engine.model.ModelFamily;
import org.rlkd.engine.model.TinyModels;

class MemoryPlanTest {
  private static final long MIB = 1L << 20;
  private static final ModelConfig CONFIG = TinyModels.config(ModelFamily.QWEN3);
  private static final LoraConfig LORA = new LoraConfig(4, 8, 0.1, false, List.of("q_proj"));

  /** 100 MiB of weights; 1 MiB a token; rows of logits of 64 KiB. */
  private static final ModelMemory MODEL =
      new ModelMemory(100 * MIB, 100 * MIB, 200 << 10, 1 << 10, 3, 64 << 10);

  @Test
  void weights_are_counted_as_the_model_has_them() {
    try (CausalLm model = CausalLm.initialise(CONFIG, 1)) {
      ModelMemory full = ModelMemory.of(CONFIG, Optional.empty());
      assertThat(full.weights()).isEqualTo(Float.BYTES * model.parameterCount());
      assertThat(full.trained()).isEqualTo(full.weights());
      ModelMemory lora = ModelMemory.of(CONFIG, Optional.of(LORA));
      // Two layers, queries of 32 from 32.
      assertThat(lora.trained()).isEqualTo(Float.BYTES * 2 * 4 * (32 + 32));
      assertThat(lora.weights()).isEqualTo(full.weights() + lora.trained());
      assertThat(lora.activations(false)).isLessThan(full.activations(false));
      assertThat(full.activations(true)).isLessThan(full.activations(false));
    }
  }

  @Test
  void a_long_prompt_has_as_much_room_beside_it_and_a_short_one_changes_nothing() {
    MemoryOptions options = MemoryOptions.DEFAULT.withTokens(2048);
    assertThat(options.withRoomForPrompt(1500)).isEqualTo(options.withTokens(3000));
    assertThat(options.withRoomForPrompt(1024)).isEqualTo(options);
  }

  @Test
  void without_a_budget_a_part_is_what_is_of_use() {
    MemoryPlan plan = plan(work(100, 900), Optional.empty());
    assertThat(plan.options().tokens()).isEqualTo(900);
    assertThat(plan.options().logits()).isEqualTo(900 * MODEL.headRow());
    assertThat(plan.keyValueBytes()).isEqualTo(50 * MIB);
  }

  @Test
  void a_budget_makes_parts_tile_and_cache_smaller_and_is_kept() {
    long before = Long.MAX_VALUE;
    for (long budget : new long[] {2000, 1500, 1200, 1000, 950}) {
      MemoryPlan plan = plan(work(100, 900), Optional.of(budget * MIB));
      assertThat(plan.estimate().peak()).isLessThanOrEqualTo(budget * MIB);
      assertThat(plan.options().tokens()).isBetween(100L, Math.min(before, 900L));
      before = plan.options().tokens();
    }
    assertThat(before).isLessThan(900);
  }

  @Test
  void a_run_that_cannot_fit_is_refused_with_the_arithmetic() {
    assertThatThrownBy(() -> plan(work(800, 900), Optional.of(900 * MIB)))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("rlkd.memory.budget: found 900 MiB, expected at least ")
        .hasMessageContaining("optimizer state (2 moments)")
        .hasMessageContaining("update: activations, 800 tokens")
        .hasMessageContaining("update: tile of logits")
        .hasMessageContaining("generation: keys and values")
        .hasMessageContaining("gradient_checkpointing: true");
  }

  @Test
  void the_budget_that_a_refusal_names_is_enough() {
    Workload work = work(800, 900);
    long least = 0;
    try {
      plan(work, Optional.of(800 * MIB));
    } catch (UsageException e) {
      least =
          Long.parseLong(
              e.getMessage().replaceAll("(?s).*at least ([\\d,]+) MiB.*", "$1").replace(",", ""));
    }
    assertThat(least).isGreaterThan(800);
    assertThat(plan(work, Optional.of(least * MIB)).options().tokens()).isEqualTo(800);
  }

  @Test
  void a_model_whose_state_is_too_large_is_refused_before_it_is_loaded() {
    assertThatThrownBy(() -> MemoryPlan.requireRoom(MODEL, 5 * MIB, Optional.of(700 * MIB)))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("found 700 MiB, expected at least 725 MiB")
        .hasMessageContaining("use_peft: true");
    MemoryPlan.requireRoom(MODEL, 5 * MIB, Optional.of(755 * MIB));
  }

  private static Workload work(long longest, long microBatch) {
    return new Workload(
        MODEL, 0, longest, microBatch, Optional.of(new Sampling(5 * MIB, 50 * MIB)));
  }

  private static MemoryPlan plan(Workload work, Optional<Long> budget) {
    return MemoryPlan.of(work, MemoryOptions.DEFAULT.withTokens(2048), 2048 * MIB, budget);
  }
}
