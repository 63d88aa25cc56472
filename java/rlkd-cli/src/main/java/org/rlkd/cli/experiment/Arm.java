package org.rlkd.cli.experiment;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.rlkd.cli.quickstart.StructureRecipe;
import org.rlkd.core.UsageException;
import org.rlkd.core.text.NearestName;

/** A way to train the student: where it starts from and what RL, if any, rewards. */
enum Arm {
  SFT("SFT only", Start.COLD, Training.NONE, null),
  GRPO("SFT + GRPO", Start.COLD, Training.RL, null),
  RLKD("SFT + RLKD (paper)", Start.COLD, Training.RL, StructureRecipe.PAPER),
  RLKD_NO_GATE(
      "SFT + RLKD, no gate",
      Start.COLD,
      Training.RL,
      new StructureRecipe("prefix", "none", 0, false)),
  RLKD_MONOTONE(
      "SFT + RLKD, monotone",
      Start.COLD,
      Training.RL,
      new StructureRecipe("monotone", "none", 0.5, true)),
  RLKD_TREE(
      "SFT + RLKD, tree", Start.COLD, Training.RL, new StructureRecipe("tree", "none", 0, true)),
  RLKD_TREE_NORMALIZED(
      "SFT + RLKD, tree, normalised", Start.COLD, Training.RL, StructureRecipe.TREE),
  BASE("under-trained base", Start.BASE, Training.NONE, null),
  GRPO_ZERO("GRPO-Zero", Start.BASE, Training.RL, null),
  RLKD_ZERO("RLKD-Zero", Start.BASE, Training.RL, StructureRecipe.PAPER),
  CLEAN("clean SFT", Start.CLEAN, Training.NONE, null),
  CLEAN_GRPO("clean SFT + GRPO", Start.CLEAN, Training.RL, null),
  CLEAN_RLKD("clean SFT + RLKD (paper)", Start.CLEAN, Training.RL, StructureRecipe.PAPER),
  CLEAN_RLKD_TREE(
      "clean SFT + RLKD, tree",
      Start.CLEAN,
      Training.RL,
      new StructureRecipe("tree", "none", 0, true));

  /** The model that an arm starts from; the arms of a seed share it. */
  enum Start {
    /** The cold start: SFT on clean, then on sloppy paths of other problems. */
    COLD,
    /** A student that has seen half of the cold start's clean lesson. */
    BASE,
    /** The cold start after SFT on the clean teacher paths of RL's problems. */
    CLEAN
  }

  private enum Training {
    NONE,
    RL
  }

  private final String title;
  private final Start start;
  private final Training training;
  private final StructureRecipe structure;

  Arm(String title, Start start, Training training, StructureRecipe structure) {
    this.title = title;
    this.start = start;
    this.training = training;
    this.structure = structure;
  }

  /** For tables. */
  String title() {
    return title;
  }

  Start start() {
    return start;
  }

  /** Whether RL follows the start. */
  boolean reinforced() {
    return training == Training.RL;
  }

  /** The structure reward; null = none. */
  StructureRecipe structure() {
    return structure;
  }

  /** The name on the command line and in files. */
  String key() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** The arm of a {@link #key}. */
  static Arm of(String key) {
    List<String> keys = Arrays.stream(values()).map(Arm::key).toList();
    int index = keys.indexOf(key.strip());
    if (index < 0) {
      throw new UsageException(
          "--arms: '%s' is not one of %s%s"
              .formatted(
                  key,
                  keys.stream().collect(Collectors.joining(", ")),
                  NearestName.hint(key, keys)));
    }
    return values()[index];
  }
}
