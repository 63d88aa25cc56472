package org.rlkd.core.config;

import java.util.Optional;

/**
 * The structure reward ({@code rlkd.gsrm}).
 *
 * @param decomposer directory of the model that turns reasoning into steps; empty: the text's own
 *     tags are read
 * @param judge {@code lexical}, or what else the engine offers
 * @param alignment which teacher step a student step is compared with
 * @param normalize what the reward is divided by
 * @param gapDecay factor for each skipped step, in [0, 1]; {@code monotone} and {@code tree}
 * @param gate whether a meta-reasoning that disagrees closes the gate for the steps after it
 * @param unscorable what becomes of a completion with a NaN reward
 */
public record GsrmConfig(
    Optional<String> decomposer,
    String judge,
    Alignment alignment,
    Normalize normalize,
    double gapDecay,
    boolean gate,
    Unscorable unscorable) {

  static GsrmConfig read(Values values) {
    GsrmConfig config =
        new GsrmConfig(
            values.get(GrpoKeys.DECOMPOSER),
            values.get(GrpoKeys.JUDGE),
            values.get(GrpoKeys.ALIGNMENT),
            values.get(GrpoKeys.NORMALIZE),
            values.get(GrpoKeys.GAP_DECAY),
            values.get(GrpoKeys.GATE),
            values.get(GrpoKeys.UNSCORABLE));
    if (config.gapDecay > 0 && config.alignment == Alignment.PREFIX) {
      values.complain(
          GrpoKeys.GAP_DECAY,
          "found "
              + config.gapDecay
              + ", which alignment: prefix does not use; set alignment: monotone or tree");
    }
    if (config.gapDecay > 0 && !config.gate) {
      values.complain(
          GrpoKeys.GATE,
          "found false with rlkd.gsrm.gap_decay "
              + config.gapDecay
              + ", which pairs steps by their meta-reasoning; set gap_decay: 0 or gate: true");
    }
    return config;
  }
}
