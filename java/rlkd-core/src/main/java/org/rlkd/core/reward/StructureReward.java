package org.rlkd.core.reward;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.rlkd.core.data.Problem;
import org.rlkd.core.data.TeacherPath;
import org.rlkd.core.gsrm.AlignmentOptions.Alignment;
import org.rlkd.core.gsrm.AlignmentScore;
import org.rlkd.core.gsrm.Decomposer;
import org.rlkd.core.gsrm.Decomposition;
import org.rlkd.core.gsrm.Judge;
import org.rlkd.core.gsrm.Judgement;
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
 * <p>Not thread-safe: it runs on the thread that owns the decomposer's model.
 */
public final class StructureReward implements ExplainedReward {
  /**
   * Two teacher steps are the same step from this probability on, for meta-reasoning and query
   * each.
   */
  private static final double SAME_STEP = 0.5;

  /** Trees kept in memory; the least recently used ones go. Ample for the problems of an epoch. */
  private static final int REMEMBERED_TREES = 20_000;

  private final Decomposer decomposer;
  private final Judge judge;
  private final StructureAlignment alignment;
  private final TeacherCache cache;
  private final StructureRewardOptions options;

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
    this.judge = judge;
    this.alignment = alignment;
    this.cache = cache;
    this.options = options;
  }

  @Override
  public String name() {
    return "structure";
  }

  @Override
  public boolean concurrent() {
    return false;
  }

  @Override
  public List<StructureAssessment> explain(List<RewardSample> samples) {
    Map<String, Decomposition> decompositions = decompose(samples);
    List<Decomposition> students = new ArrayList<>();
    Map<Problem, Teacher> teachers = new HashMap<>();
    for (RewardSample sample : samples) {
      students.add(student(sample, decompositions));
      teachers.computeIfAbsent(sample.problem(), problem -> teacher(problem, decompositions));
    }
    Map<StepPair, Judgement> judgements = judge(samples, students, teachers);
    Map<Problem, TeacherTree> merged = new HashMap<>();
    teachers.forEach((problem, teacher) -> merged.put(problem, tree(teacher, judgements)));

    StructureAssessment[] assessments = new StructureAssessment[samples.size()];
    List<StructureComparison> comparisons = new ArrayList<>();
    List<Integer> compared = new ArrayList<>();
    for (int i = 0; i < samples.size(); i++) {
      Problem problem = samples.get(i).problem();
      if (students.get(i) instanceof Decomposition.Failed failed) {
        assessments[i] =
            StructureAssessment.unscorable("decomposer failed: " + failed.reason(), List.of());
        continue;
      }
      List<Step> steps = steps(students.get(i));
      String reason = teachers.get(problem).unscorableReason();
      if (reason == null && merged.get(problem) == null) {
        reason = "judge failed on the teacher's steps";
      }
      if (reason != null) {
        assessments[i] = StructureAssessment.unscorable(reason, steps);
        continue;
      }
      comparisons.add(new StructureComparison(steps, merged.get(problem), judgements, options));
      compared.add(i);
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

  /**
   * One decomposer call for every text of the batch that has no decomposition yet, students' and
   * teachers'.
   */
  private Map<String, Decomposition> decompose(List<RewardSample> samples) {
    Set<String> texts = new LinkedHashSet<>();
    for (RewardSample sample : samples) {
      texts.add(ReasoningText.of(sample.completion()));
      for (TeacherPath path : paths(sample.problem())) {
        String text = ReasoningText.of(path.text());
        if (path.structureOrNull() == null && cached(sample.problem(), text) == null) {
          texts.add(text);
        }
      }
    }
    texts.remove("");
    List<String> batch = List.copyOf(texts);
    List<Decomposition> results = batch.isEmpty() ? List.of() : decomposer.decompose(batch);
    requireSize("decomposer " + decomposer.id(), results.size(), batch.size());
    Map<String, Decomposition> byText = new HashMap<>();
    byText.put("", new Decomposition.Parsed(new Structure(List.of())));
    for (int i = 0; i < batch.size(); i++) {
      byText.put(batch.get(i), results.get(i));
    }
    return byText;
  }

  private static Decomposition student(
      RewardSample sample, Map<String, Decomposition> decompositions) {
    return decompositions.get(ReasoningText.of(sample.completion()));
  }

  private static List<Step> steps(Decomposition decomposition) {
    return decomposition instanceof Decomposition.Parsed parsed
        ? parsed.structure().steps()
        : List.of();
  }

  private List<TeacherPath> paths(Problem problem) {
    List<TeacherPath> paths = problem.teacherPaths();
    return options.tree() || paths.isEmpty() ? paths : paths.subList(0, 1);
  }

  private Structure cached(Problem problem, String text) {
    return cache.get(problem.id(), decomposer.id(), text).orElse(null);
  }

  /** A problem's teacher paths that have steps, or why there are none (else null). */
  private record Teacher(List<Structure> structures, String unscorableReason) {}

  private Teacher teacher(Problem problem, Map<String, Decomposition> decompositions) {
    List<Structure> structures = new ArrayList<>();
    String reason =
        paths(problem).isEmpty()
            ? "the problem has no teacher path"
            : "the teacher path has no steps";
    for (TeacherPath path : paths(problem)) {
      Structure structure = path.structureOrNull();
      if (structure == null) {
        String text = ReasoningText.of(path.text());
        structure = cached(problem, text);
        if (structure == null && decompositions.get(text) instanceof Decomposition.Parsed parsed) {
          structure = parsed.structure();
          cache.put(problem.id(), decomposer.id(), text, structure);
        } else if (structure == null
            && decompositions.get(text) instanceof Decomposition.Failed failed) {
          reason = "decomposer failed on the teacher path: " + failed.reason();
        }
      }
      if (structure != null && !structure.steps().isEmpty()) {
        structures.add(structure);
      }
    }
    return new Teacher(structures, structures.isEmpty() ? reason : null);
  }

  /**
   * One judge call for the batch: teacher steps that may be the same step, and student steps
   * against teacher steps.
   */
  private Map<StepPair, Judgement> judge(
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
    List<StepPair> batch = List.copyOf(pairs);
    List<Judgement> results = batch.isEmpty() ? List.of() : judge.judge(batch);
    requireSize("judge", results.size(), batch.size());
    Map<StepPair, Judgement> byPair = new HashMap<>();
    for (int i = 0; i < batch.size(); i++) {
      byPair.put(batch.get(i), results.get(i));
    }
    return byPair;
  }

  /**
   * The teacher's tree; null if there is no teacher or the judge failed on a question that merging
   * needs.
   */
  private TeacherTree tree(Teacher teacher, Map<StepPair, Judgement> judgements) {
    if (teacher.unscorableReason() != null) {
      return null;
    }
    TeacherTree known = trees.get(teacher.structures());
    if (known != null) {
      return known;
    }
    boolean[] failed = {false};
    TeacherTree tree =
        TeacherTree.merge(
            teacher.structures(),
            (one, other) -> {
              Judgement judgement = judgements.get(new StepPair(one, other));
              failed[0] |= Double.isNaN(judgement.meta()) || Double.isNaN(judgement.query());
              return judgement.meta() >= SAME_STEP && judgement.query() >= SAME_STEP;
            });
    if (failed[0]) {
      return null;
    }
    trees.put(teacher.structures(), tree);
    return tree;
  }

  private static void requireSize(String part, int results, int questions) {
    if (results != questions) {
      throw new IllegalStateException(
          "%s gave %d results for %d questions".formatted(part, results, questions));
    }
  }
}
