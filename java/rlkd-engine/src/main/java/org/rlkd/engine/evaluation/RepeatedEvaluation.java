package org.rlkd.engine.evaluation;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.rlkd.core.data.Problem;
import org.rlkd.engine.generation.GenerationListener;
import org.rlkd.engine.generation.SamplingParameters;

/**
 * An evaluation with several seeds, done in parts that an {@link EvaluationJournal} keeps: one that
 * was stopped goes on from there. What {@code rlkd eval} does.
 *
 * <p>One owner thread, that of the model.
 */
public final class RepeatedEvaluation {
  /** Completions of one call of the generator, after which they are kept. */
  private static final int COMPLETIONS_AT_A_TIME = 512;

  private final Evaluation evaluation;
  private final List<Problem> problems;
  private final int samplesPerProblem;
  private final int seeds;
  private final SamplingParameters sampling;

  /**
   * A repeated evaluation.
   *
   * @param samplesPerProblem k
   * @param seeds how often it is repeated, with the seeds {@code sampling.seed()} and the following
   */
  public RepeatedEvaluation(
      Evaluation evaluation,
      List<Problem> problems,
      int samplesPerProblem,
      int seeds,
      SamplingParameters sampling) {
    this.evaluation = evaluation;
    this.problems = List.copyOf(problems);
    this.samplesPerProblem = samplesPerProblem;
    this.seeds = seeds;
    this.sampling = sampling;
  }

  /** The completions of each part, seed by seed: what a journal of it is opened with. */
  public List<Integer> parts() {
    List<Integer> parts = new ArrayList<>();
    for (int s = 0; s < seeds; s++) {
      for (int from = 0; from < problems.size(); from += problemsAtATime()) {
        parts.add(samplesPerProblem * Math.min(problemsAtATime(), problems.size() - from));
      }
    }
    return parts;
  }

  /**
   * Does what the journal does not hold yet, and sums up all of it.
   *
   * @param journalOrNull opened with {@link #parts}; null keeps nothing
   * @param listeners makes the listener of a part, given how many completions are done before it;
   *     cancelling leaves truncated completions
   */
  public EvaluationSummary run(
      EvaluationJournal journalOrNull, IntFunction<GenerationListener> listeners) {
    int done = journalOrNull == null ? 0 : journalOrNull.size();
    List<EvaluationResult> results = new ArrayList<>();
    int index = 0;
    for (int s = 0; s < seeds; s++) {
      SamplingParameters seeded = sampling.withSeed(sampling.seed() + s);
      List<EvaluatedCompletion> completions = new ArrayList<>();
      for (int from = 0; from < problems.size(); from += problemsAtATime()) {
        List<Problem> part =
            problems.subList(from, Math.min(problems.size(), from + problemsAtATime()));
        int size = part.size() * samplesPerProblem;
        if (index < done) {
          for (int i = 0; i < size; i++) {
            completions.add(journalOrNull.completion(index + i, part.get(i / samplesPerProblem)));
          }
        } else {
          List<EvaluatedCompletion> evaluated =
              evaluation.run(part, from, samplesPerProblem, seeded, listeners.apply(index));
          if (journalOrNull != null) {
            journalOrNull.write(seeded.seed(), evaluated);
          }
          completions.addAll(evaluated);
        }
        index += size;
      }
      results.add(new EvaluationResult(samplesPerProblem, completions));
    }
    return new EvaluationSummary(results);
  }

  private int problemsAtATime() {
    return Math.max(1, COMPLETIONS_AT_A_TIME / samplesPerProblem);
  }
}
