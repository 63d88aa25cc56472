package org.rlkd.core.reward;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.rlkd.core.UsageException;
import org.rlkd.core.math.OpenR1Answer;
import org.rlkd.core.text.NearestName;

/**
 * The reward functions by the names that TRL, open-r1 and the RLKD reference use in {@code
 * reward_funcs}.
 */
public final class Rewards {
  private static final Map<String, String> ALIASES =
      Map.of(
          "accuracy_open_math", "accuracy",
          "len", "length",
          "cosine_scaled", "cosine",
          "soft_overlong", "soft_overlong_punishment",
          "searchain_openr1_math", "structure");

  private static final List<String> NAMES =
      List.of(
          "accuracy",
          "format",
          "tag_count",
          "reasoning_steps",
          "length",
          "cosine",
          "repetition_penalty",
          "code_format",
          "soft_overlong_punishment",
          "http",
          "structure");

  /** Rewards of the reference that run code, which this engine does not. */
  private static final List<String> RUN_CODE =
      List.of("code", "binary_code", "ioi_code", "cf_code");

  private Rewards() {}

  /** The built-in functions, by their own names. */
  public static List<String> names() {
    return NAMES;
  }

  /**
   * Returns the reward of a name or alias; of a user's own by its name or class ({@link
   * UserRewards}).
   *
   * @param structure makes the {@code structure} reward, which needs models; called only for that
   *     name
   * @throws UsageException for an unknown name, with the closest known one
   */
  public static Reward byName(
      String name, RewardOptions options, Supplier<StructureReward> structure) {
    Compatibility compatibility = options.compatibility();
    boolean opened = options.thinkOpenedByPrompt();
    return switch (ALIASES.getOrDefault(name, name)) {
      case "accuracy" ->
          new AccuracyReward(
              compatibility,
              name.equals("accuracy")
                  ? OpenR1Answer.GoldForm.ANY
                  : OpenR1Answer.GoldForm.BARE_LATEX);
      case "format" -> new FormatReward(compatibility, opened);
      case "tag_count" -> new TagCountReward(compatibility, opened);
      case "reasoning_steps" -> new ReasoningStepsReward(compatibility);
      case "length" -> new LengthReward(compatibility);
      case "cosine" -> new CosineReward(compatibility, options.cosine());
      case "repetition_penalty" ->
          new RepetitionPenaltyReward(options.repetitionNGrams(), options.repetitionMaxPenalty());
      case "code_format" -> new CodeFormatReward(compatibility, opened, options.codeLanguage());
      case "soft_overlong_punishment" -> new SoftOverlongPunishment(options.overlong());
      case "http" ->
          new HttpReward(
              options
                  .http()
                  .orElseThrow(
                      () ->
                          new UsageException(
                              "reward_funcs: 'http' needs a server; set rlkd.http_reward.url")));
      case "structure" -> structure.get();
      default -> UserRewards.find(name).orElseThrow(() -> unknown(name));
    };
  }

  private static UsageException unknown(String name) {
    if (RUN_CODE.contains(name)) {
      return new UsageException(
          "reward_funcs: '%s' runs generated code, which is not implemented; known are %s"
              .formatted(name, NAMES));
    }
    List<String> known = new ArrayList<>(NAMES);
    known.addAll(ALIASES.keySet());
    return new UsageException(
        "reward_funcs: unknown reward '%s'%s (known are %s; a reward of your own by its class name)"
            .formatted(name, NearestName.hint(name, known), NAMES));
  }
}
