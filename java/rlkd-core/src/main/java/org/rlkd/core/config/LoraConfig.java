package org.rlkd.core.config;

import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.rlkd.core.UsageException;

/**
 * A LoRA adapter (Hu et al., arXiv 2106.09685): PEFT's LoraConfig as far as it is computed, by
 * TRL's keys.
 *
 * @param rank {@code r}, TRL's {@code lora_r}
 * @param alpha {@code lora_alpha}
 * @param dropout {@code lora_dropout}, in [0, 1)
 * @param rankStabilised {@code use_rslora}: scale alpha / sqrt(rank) in place of alpha / rank
 *     (arXiv 2312.03732)
 * @param targetModules {@code target_modules}: last parts of module names, or one entry that is
 *     {@code all-linear} (every projection but the head) or a regular expression over whole names
 */
public record LoraConfig(
    int rank, double alpha, double dropout, boolean rankStabilised, List<String> targetModules) {
  /** PEFT: every linear module but the output head. */
  public static final String ALL_LINEAR = "all-linear";

  /** TRL's ModelConfig. */
  static final Key<Boolean> USE_PEFT = new Key<>("use_peft", ValueType.FLAG, false);

  static final Key<Integer> RANK = new Key<>("lora_r", ValueType.integer(1), 16);
  static final Key<Double> ALPHA = new Key<>("lora_alpha", ValueType.above(0), 32.0);
  static final Key<Double> DROPOUT =
      new Key<>("lora_dropout", ValueType.number("from 0 to below 1", n -> n >= 0 && n < 1), 0.05);
  static final Key<List<String>> TARGET_MODULES =
      new Key<>("lora_target_modules", ValueType.listOf(ValueType.TEXT), List.of());
  static final Key<Boolean> USE_RSLORA = new Key<>("use_rslora", ValueType.FLAG, false);

  /** PEFT's choice for Llama and Qwen where no modules are named. */
  private static final List<String> DEFAULT_TARGETS = List.of("q_proj", "v_proj");

  static Collection<Key<?>> keys() {
    return List.of(USE_PEFT, RANK, ALPHA, DROPOUT, TARGET_MODULES, USE_RSLORA);
  }

  /** Empty without use_peft: all weights are trained. */
  static Optional<LoraConfig> read(Values values) {
    if (!values.get(USE_PEFT)) {
      return Optional.empty();
    }
    List<String> targets = values.get(TARGET_MODULES);
    return Optional.of(
        new LoraConfig(
            values.get(RANK),
            values.get(ALPHA),
            values.get(DROPOUT),
            values.get(USE_RSLORA),
            targets.isEmpty() ? DEFAULT_TARGETS : targets));
  }

  public LoraConfig {
    targetModules = List.copyOf(targetModules);
    if (rank < 1) {
      throw new UsageException("lora_r is " + rank + ", expected 1 or more");
    }
    if (!(alpha > 0 && Double.isFinite(alpha))) {
      throw new UsageException("lora_alpha is " + alpha + ", expected a number > 0");
    }
    if (!(dropout >= 0 && dropout < 1)) {
      throw new UsageException("lora_dropout is " + dropout + ", expected 0 <= dropout < 1");
    }
    if (targetModules.isEmpty()) {
      throw new UsageException(
          "lora_target_modules is empty, expected names such as q_proj, or all-linear");
    }
  }

  /** What the product B A is multiplied by. */
  public double scale() {
    return rankStabilised ? alpha / Math.sqrt(rank) : alpha / rank;
  }

  /**
   * Whether a module is adapted, by PEFT's rule: its name is a target or ends in ".target"; a
   * single target that holds more than a name is a regular expression for the whole name.
   *
   * @param module such as {@code model.layers.0.self_attn.q_proj}
   */
  public boolean targets(String module) {
    if (targetModules.equals(List.of(ALL_LINEAR))) {
      return true;
    }
    for (String target : targetModules) {
      if (module.equals(target) || module.endsWith("." + target)) {
        return true;
      }
    }
    return targetModules.size() == 1
        && isExpression(targetModules.get(0))
        && Pattern.matches(targetModules.get(0), module);
  }

  /** Whether a single target is more than a name: an expression over whole module names. */
  public static boolean isExpression(String target) {
    return !target.matches("[\\w.]+");
  }
}
