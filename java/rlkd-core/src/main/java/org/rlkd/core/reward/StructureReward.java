package org.rlkd.core.reward;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.rlkd.core.data.Problem;
import org.rlkd.core.gsrm.AlignmentOptions.Alignment;
import org.rlkd.core.gsrm.AlignmentScore;
import org.rlkd.core.gsrm.Decomposer;
import org.rlkd.core.gsrm.Decomposition;
import org.rlkd.core.gsrm.EarlyDecompositions;
import org.rlkd.core.gsrm.Judge;
import org.rlkd.core.gsrm.Judgement;
import org.rlkd.core.gsrm.Reasoning;
import org.rlkd.core.gsrm.Step;
import org.rlkd.core.gsrm.StepPair;
import org.rlkd.core.gsrm.Structure;
import org.rlkd.core.gsrm.StructureAlignment;
import org.rlkd.core.gsrm.TeacherCache;
import org.rlkd.core.gsrm.TeacherTree;

/**
 * The GSRM reward (RLKD, arXiv 2505.16142): how far the steps of the student's reasoning align with
 * the teacher's.
 *
 * <p>Reasoning text of the completion, then decomposer, judge and alignment, each called at most
 * once for a batch. Teacher paths whose structure the data gives are used as they are; texts are
 * decomposed once and kept in the {@link TeacherCache}. Unscorable (NaN, with the reason): no
 * teacher path, a teacher without steps, a decomposer that failed on the student or on every
 * teacher path, a judge that failed. A student path without steps scores 0.
 *
 * <p>Of a path of more than {@value #MOST_STEPS} steps the first {@value #MOST_STEPS} count: a
 * completion of thousands of tags must not cost thousands of questions.
 *
 * <p>Not thread-safe: it runs on the thread that owns the decomposer's model.
 */
public final class StructureReward implements ExplainedReward {
  /** Several times what the longest traces at hand have. */
  static final int MOST_STEPS = 500;

  /**
   * Two teacher steps are the same step from this probability on, for meta-reasoning and query
   * each.
   */
  private static final double SAME_STEP = 0.5;

  /** Trees kept in memory; the least recently used ones go. Ample for the problems of an epoch. */
  private static final int REMEMBERED_TREES = 20_000;

  private final Decomposer decomposer;
  private final EarlyDecompositions early;
  private final Judge judge;
  private final StructureAlignment alignment;
  private final TeacherPaths teacherPaths;
  private final StructureRewardOptions options;
  private final UnscorableLimit limit;
  private double unscorableShare;

  private final Map<List<Structure>, TeacherTree> trees =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<List<Structure>, TeacherTree> eldest) {
          return size() > REMEMBERED_TREES;
        }
      };

  /** Borrows its parts; the caller closes the cache. */
  public StructureReward(
      Decomposer decomposer,
      Judge judge,
      StructureAlignment alignment,
      TeacherCache cache,
      StructureRewardOptions options) {
    this.decomposer = decomposer;
    this.early = new EarlyDecompositions(decomposer);
    this.judge = judge;
    this.alignment = alignment;
    this.teacherPaths = new TeacherPaths(cache, decomposer.id(), options.tree());
    this.options = options;
    this.limit = new UnscorableLimit(options.maxUnscorable());
  }

  @Override
  public String name() {
    return "structure";
  }

  @Override
  public boolean concurrent() {
    return false;
  }

  /**
   * @throws org.rlkd.core.InputException if more completions are unscorable than the options allow
   */
  @Override
  public List<StructureAssessment> explain(List<RewardSample> samples) {
    Set<Problem> problems = new LinkedHashSet<>();
    samples.forEach(sample -> problems.add(sample.problem()));
    Map<Reasoning, Decomposition> made = decompose(samples, problems);
    List<Decomposition> students =
        samples.stream().map(sample -> made.get(reasoning(sample))).toList();
    Map<Problem, List<Decomposition>> teachers = new HashMap<>();
    problems.forEach(problem -> teachers.put(problem, teacherPaths.of(problem, made)));
    List<StructureAssessment> assessments =
        options.reference()
            ? asReference(samples, students, teachers)
            : assess(samples, students, teachers);
    watch(samples, assessments);
    return assessments;
  }

  /** Has a remote decomposer begin with the students' reasoning and the teachers' that are new. */
  @Override
  public void announce(List<RewardSample> samples) {
    if (decomposer.remote()) {
      Set<Reasoning> reasonings = new LinkedHashSet<>();
      samples.forEach(sample -> reasonings.add(reasoning(sample)));
      samples.forEach(sample -> reasonings.addAll(teacherPaths.unknown(sample.problem())));
      reasonings.removeIf(reasoning -> reasoning.text().isEmpty());
      early.begin(reasonings);
    }
  }

  /** One decomposer call for every reasoning that has no decomposition yet. */
  private Map<Reasoning, Decomposition> decompose(
      List<RewardSample> samples, Set<Problem> problems) {
    Set<Reasoning> reasonings = new LinkedHashSet<>();
    samples.forEach(sample -> reasonings.add(reasoning(sample)));
    reasonings.addAll(teacherPaths.missing(problems));
    Map<Reasoning, Decomposition> begun = early.take(reasonings);
    List<Reasoning> batch =
        reasonings.stream()
            .filter(reasoning -> !reasoning.text().isEmpty() && !begun.containsKey(reasoning))
            .toList();
    List<Decomposition> results = batch.isEmpty() ? List.of() : decomposer.decompose(batch);
    requireSize("decomposer " + decomposer.id(), results.size(), batch.size());
    Map<Reasoning, Decomposition> made = new HashMap<>();
    reasonings.forEach(
        reasoning -> made.put(reasoning, new Decomposition.Parsed(new Structure(List.of()))));
    made.putAll(begun);
    for (int i = 0; i < batch.size(); i++) {
      made.put(batch.get(i), results.get(i));
    }
    return made;
  }

  private static Reasoning reasoning(RewardSample sample) {
    return TeacherPaths.reasoning(sample.problem(), sample.completion());
  }

  private static List<Step> steps(Decomposition decomposition) {
    if (!(decomposition instanceof Decomposition.Parsed parsed)) {
      return List.of();
    }
    List<Step> steps = parsed.structure().steps();
    return steps.size() > MOST_STEPS ? steps.subList(0, MOST_STEPS) : steps;
  }

  private static StructureAssessment failedStudent(Decomposition.Failed failed) {
    return StructureAssessment.unscorable("decomposer failed: " + failed.reason(), List.of());
  }

  private static String failedTeacher(Decomposition.Failed failed) {
    return "decomposer failed on the teacher path: " + failed.reason();
  }

  private List<StructureAssessment> assess(
      List<RewardSample> samples,
      List<Decomposition> students,
      Map<Problem, List<Decomposition>> decomposed) {
    Map<Problem, Teacher> teachers = new HashMap<>();
    decomposed.forEach((problem, paths) -> teachers.put(problem, Teacher.of(paths)));
    Map<StepPair, Judgement> judgements = judge(questions(samples, students, teachers));
    Map<Problem, TeacherTree> merged = new HashMap<>();
    Map<Problem, String> reasons = new HashMap<>();
    teachers.forEach(
        (problem, teacher) -> {
          if (teacher.unscorableReason != null) {
            reasons.put(problem, teacher.unscorableReason);
          } else {
            merge(problem, teacher, judgements, merged, reasons);
          }
        });

    StructureAssessment[] assessments = new StructureAssessment[samples.size()];
    List<StructureComparison> comparisons = new ArrayList<>();
    List<Integer> compared = new ArrayList<>();
    for (int i = 0; i < samples.size(); i++) {
      Problem problem = samples.get(i).problem();
      List<Step> steps = steps(students.get(i));
      if (students.get(i) instanceof Decomposition.Failed failed) {
        assessments[i] = failedStudent(failed);
      } else if (reasons.containsKey(problem)) {
        assessments[i] = StructureAssessment.unscorable(reasons.get(problem), steps);
      } else {
        comparisons.add(new StructureComparison(steps, merged.get(problem), judgements, options));
        compared.add(i);
      }
    }
    List<AlignmentScore> scores =
        comparisons.isEmpty()
            ? List.of()
            : alignment.score(
                comparisons.stream().map(StructureComparison::pair).toList(), options.alignment());
    for (int c = 0; c < compared.size(); c++) {
      assessments[compared.get(c)] = comparisons.get(c).assess(scores.get(c));
    }
    return List.of(assessments);
  }

  /** A problem's teacher paths that have steps, or why there are none (else null). */
  private record Teacher(List<Structure> structures, String unscorableReason) {
    static Teacher of(List<Decomposition> paths) {
      List<Structure> structures = new ArrayList<>();
      String reason =
          paths.isEmpty() ? "the problem has no teacher path" : "the teacher path has no steps";
      for (Decomposition path : paths) {
        if (path instanceof Decomposition.Failed failed) {
          reason = failedTeacher(failed);
        }
        List<Step> steps = steps(path);
        if (!steps.isEmpty()) {
          structures.add(new Structure(steps));
        }
      }
      return new Teacher(structures, structures.isEmpty() ? reason : null);
    }
  }

  private Set<StepPair> questions(
      List<RewardSample> samples, List<Decomposition> students, Map<Problem, Teacher> teachers) {
    Set<StepPair> pairs = new LinkedHashSet<>();
    for (Teacher teacher : teachers.values()) {
      if (!trees.containsKey(teacher.structures())) {
        pairs.addAll(TeacherTree.mergeQuestions(teacher.structures()));
      }
    }
    boolean sameDepthOnly = options.alignment().alignment() == Alignment.PREFIX;
    for (int i = 0; i < samples.size(); i++) {
      List<Step> studentSteps = steps(students.get(i));
      for (Structure teacher : teachers.get(samples.get(i).problem()).structures()) {
        for (int s = 0; s < studentSteps.size(); s++) {
          for (int t = 0; t < teacher.steps().size(); t++) {
            if (!sameDepthOnly || s == t) {
              pairs.add(new StepPair(studentSteps.get(s), teacher.steps().get(t)));
            }
          }
        }
      }
    }
    return pairs;
  }

  /** One judge call for all pairs. */
  private Map<StepPair, Judgement> judge(Set<StepPair> pairs) {
    List<StepPair> batch = List.copyOf(pairs);
    List<Judgement> results = batch.isEmpty() ? List.of() : judge.judge(batch);
    requireSize("judge", results.size(), batch.size());
    Map<StepPair, Judgement> byPair = new HashMap<>();
    for (int i = 0; i < batch.size(); i++) {
      byPair.put(batch.get(i), results.get(i));
    }
    return byPair;
  }

  /** The teacher's tree, or the reason why it cannot be made. */
  private void merge(
      Problem problem,
      Teacher teacher,
      Map<StepPair, Judgement> judgements,
      Map<Problem, TeacherTree> merged,
      Map<Problem, String> reasons) {
    TeacherTree known = trees.get(teacher.structures());
    if (known != null) {
      merged.put(problem, known);
      return;
    }
    Judgement[] failed = {null};
    TeacherTree tree =
        TeacherTree.merge(
            teacher.structures(),
            (one, other) -> {
              Judgement judgement = judgements.get(new StepPair(one, other));
              if (Double.isNaN(judgement.meta()) || Double.isNaN(judgement.query())) {
                failed[0] = judgement;
              }
              return judgement.meta() >= SAME_STEP && judgement.query() >= SAME_STEP;
            });
    if (failed[0] != null) {
      reasons.put(problem, StructureComparison.judgeFailed(failed[0], " on the teacher's steps"));
      return;
    }
    trees.put(teacher.structures(), tree);
    merged.put(problem, tree);
  }

  private List<StructureAssessment> asReference(
      List<RewardSample> samples,
      List<Decomposition> students,
      Map<Problem, List<Decomposition>> teachers) {
    StructureAssessment[] assessments = new StructureAssessment[samples.size()];
    Map<Integer, ReferenceStructure> compared = new TreeMap<>();
    Set<StepPair> pairs = new LinkedHashSet<>();
    for (int i = 0; i < samples.size(); i++) {
      List<Decomposition> teacher = teachers.get(samples.get(i).problem());
      if (students.get(i) instanceof Decomposition.Failed failed) {
        assessments[i] = failedStudent(failed);
      } else if (teacher.isEmpty()) {
        assessments[i] =
            StructureAssessment.unscorable(
                "the problem has no teacher path", steps(students.get(i)));
      } else if (teacher.get(0) instanceof Decomposition.Failed failed) {
        assessments[i] =
            StructureAssessment.unscorable(failedTeacher(failed), steps(students.get(i)));
      } else {
        ReferenceStructure comparison =
            new ReferenceStructure(
                (Decomposition.Parsed) students.get(i), (Decomposition.Parsed) teacher.get(0));
        compared.put(i, comparison);
        pairs.addAll(comparison.pairs());
      }
    }
    Map<StepPair, Judgement> judgements = judge(pairs);
    compared.forEach((i, comparison) -> assessments[i] = comparison.assess(judgements));
    return List.of(assessments);
  }

  private void watch(List<RewardSample> samples, List<StructureAssessment> assessments) {
    int unscorable = 0;
    for (int i = 0; i < samples.size(); i++) {
      String reason = assessments.get(i).unscorableReason();
      limit.add(samples.get(i).problem().id(), reason);
      unscorable += reason == null ? 0 : 1;
    }
    unscorableShare = unscorable / (double) samples.size();
    limit.check();
  }

  /**
   * {@code gsrm/unscorable}: share of the last batch; {@code gsrm/teacher_cache_hit_rate}: share of
   * teacher texts, counted once a batch, that were decomposed before; and the judge's. A share of
   * nothing is left out.
   */
  @Override
  public Map<String, Double> metrics() {
    Map<String, Double> metrics = new TreeMap<>(judge.metrics());
    metrics.put("gsrm/unscorable", unscorableShare);
    metrics.put("gsrm/teacher_cache_hit_rate", teacherPaths.hitRate());
    metrics.values().removeIf(value -> value.isNaN());
    return metrics;
  }

  private static void requireSize(String part, int results, int questions) {
    if (results != questions) {
      throw new IllegalStateException(
          "%s gave %d results for %d questions".formatted(part, results, questions));
    }
  }
}
