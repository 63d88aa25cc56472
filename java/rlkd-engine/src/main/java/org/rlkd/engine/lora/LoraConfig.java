package org.rlkd.engine.lora;

import java.util.List;
import java.util.regex.Pattern;
import org.rlkd.core.UsageException;

/**
 * How an adapter is made: PEFT's LoraConfig as far as it is computed here, with its defaults where
 * TRL's ModelConfig has none.
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

  static boolean isExpression(String target) {
    return !target.matches("[\\w.]+");
  }
}
