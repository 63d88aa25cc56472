package org.rlkd.cli.quickstart;

/**
 * Every number of the quickstart. How they were found: docs/quickstart.md.
 *
 * @param easyProblems problems of one or two steps, for the first lesson of the cold start
 * @param coldStartProblems problems of full size, for its second
 * @param trainProblems problems that RL samples
 * @param heldOutProblems problems that nothing trains on
 * @param teacherPaths most teacher paths for each problem
 * @param maxValue largest quantity
 * @param easySteps optimizer steps of the first lesson
 * @param mixedSteps optimizer steps of the second
 * @param sloppySteps optimizer steps of the third, on flawed paths
 * @param coldStartRate peak learning rate of the cold start
 * @param decomposerSteps optimizer steps of the decomposer
 * @param decomposerRate its peak learning rate
 * @param rlSteps optimizer steps of RL
 * @param prompts problems of one RL step
 * @param completions completions of each (G)
 * @param rlRate learning rate of RL
 * @param sftCleanSteps optimizer steps of the comparison with SFT on clean paths
 * @param samples completions of each held-out problem in an evaluation
 * @param temperature of those samples
 */
public record Recipe(
    int easyProblems,
    int coldStartProblems,
    int trainProblems,
    int heldOutProblems,
    int teacherPaths,
    int maxValue,
    int easySteps,
    int mixedSteps,
    int sloppySteps,
    double coldStartRate,
    int decomposerSteps,
    double decomposerRate,
    int rlSteps,
    int prompts,
    int completions,
    double rlRate,
    int sftCleanSteps,
    int samples,
    double temperature) {

  /** Batch of every supervised lesson. */
  public static final int BATCH = 32;

  /** Longest completion in tokens; the longest teacher path has fewer. */
  public static final int MAX_COMPLETION = 80;

  /** The run that the README shows. */
  public static final Recipe FULL =
      new Recipe(
          20_000, 20_000, 960, 200, 4, 12, 100, 1300, 100, 4e-3, 400, 4e-3, 80, 12, 8, 5e-4, 250, 4,
          0.7);

  /** Every stage in a minute or two: shows that they work, too short to learn much. */
  public static final Recipe SMALL =
      new Recipe(
          2_000, 2_000, 96, 24, 4, 12, 40, 40, 10, 4e-3, 60, 4e-3, 4, 6, 4, 5e-4, 10, 2, 0.7);
}
