package org.rlkd.cli.quickstart;

import java.nio.file.Path;
import org.rlkd.core.config.GrpoConfig;
import org.rlkd.core.config.SftConfig;
import org.rlkd.engine.run.GrpoRun;
import org.rlkd.engine.run.SftRun;

/**
 * The trainings of a quickstart, each from a Hugging Face directory to another.
 *
 * <pre>
 * OUT/config              the configuration of each
 * OUT/lessons             models on the way to the two below
 * OUT/cold-start          the student before RL
 * OUT/gsrm                the decomposer
 * OUT/sft-clean           the cold start after SFT on clean paths
 * </pre>
 */
public final class Stages {
  private final Path out;
  private final Recipe recipe;
  private final long seed;
  private final QuickstartProgress progress;
  private final Vocabulary vocabulary;
  private final Lessons lessons;

  /** Stages below the directory {@code out}. */
  public Stages(Path out, Recipe recipe, long seed, QuickstartProgress progress) {
    this.out = out;
    this.recipe = recipe;
    this.seed = seed;
    this.progress = progress;
    this.vocabulary = new Vocabulary(recipe.maxValue());
    this.lessons = new Lessons(out.resolve("config"), recipe, seed);
  }

  /**
   * Teaches a student from random weights: an easy lesson, a long one on problems of full size, a
   * short one on sloppy paths.
   */
  public Path coldStart(QuickstartData data) {
    Path base = out.resolve("lessons/base");
    Path easy = out.resolve("lessons/easy");
    Path mixed = out.resolve("lessons/mixed");
    Path coldStart = out.resolve("cold-start");
    BaseModel.STUDENT.write(base, vocabulary, seed);
    teach(
        "cold start 1/3: easy",
        lessons.supervised(
            "cold-start-1-easy",
            base,
            data.file("cold-start-easy.jsonl"),
            easy,
            recipe.easySteps(),
            recipe.coldStartRate(),
            false));
    teach(
        "cold start 2/3: full size",
        lessons.supervised(
            "cold-start-2-mixed",
            easy,
            data.file("cold-start-mixed.jsonl"),
            mixed,
            recipe.mixedSteps(),
            recipe.coldStartRate(),
            true));
    return teach(
        "cold start 3/3: sloppy",
        lessons.supervised(
            "cold-start-3-sloppy",
            mixed,
            data.file("cold-start-sloppy.jsonl"),
            coldStart,
            recipe.sloppySteps(),
            recipe.coldStartRate() / 8,
            true));
  }

  /**
   * Teaches a student half of what the cold start learns of full-size problems: a base model that
   * has not seen the task through. The cold start's easy lesson must be done.
   */
  public Path underTrained(QuickstartData data) {
    return teach(
        "under-trained base",
        lessons.supervised(
            "under-trained",
            out.resolve("lessons/easy"),
            data.file("cold-start-mixed.jsonl"),
            out.resolve("under-trained"),
            recipe.mixedSteps() / 2,
            recipe.coldStartRate(),
            true));
  }

  /** Teaches a second model to turn a sentence into its step. */
  public Path decomposer(QuickstartData data) {
    Path base = out.resolve("lessons/gsrm-base");
    Path gsrm = out.resolve("gsrm");
    BaseModel.DECOMPOSER.write(base, vocabulary, seed + 1);
    teach(
        "decomposer",
        lessons.supervised(
            "gsrm",
            base,
            data.file("gsrm.jsonl"),
            gsrm,
            recipe.decomposerSteps(),
            recipe.decomposerRate(),
            true));
    QuickstartData.DECOMPOSER.save(gsrm);
    return gsrm;
  }

  /**
   * Trains a student on all teacher paths of the problems that RL samples, about four times each.
   */
  public Path sftClean(Path model, QuickstartData data) {
    return teach(
        "SFT on clean paths",
        lessons.supervised(
            "sft-clean",
            model,
            data.file("sft-clean.jsonl"),
            out.resolve("sft-clean"),
            recipe.sftCleanSteps(),
            recipe.rlRate(),
            true));
  }

  /** The configurations of RL runs. */
  public Lessons lessons() {
    return lessons;
  }

  /** Runs RL by a configuration of {@link #lessons()}. */
  public Path reinforce(String task, GrpoConfig config) {
    return progress.training(task, "reward", listener -> new GrpoRun(config).run(listener));
  }

  private Path teach(String task, SftConfig config) {
    return progress.training(task, "loss", listener -> new SftRun(config).run(listener));
  }
}
