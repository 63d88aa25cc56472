package org.rlkd.core.reward;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.data.Problem;
import org.rlkd.core.data.TeacherPath;
import org.rlkd.core.gsrm.FormulaAlignment;
import org.rlkd.core.gsrm.Judge;
import org.rlkd.core.gsrm.Judgement;
import org.rlkd.core.gsrm.LexicalJudge;
import org.rlkd.core.gsrm.Step;
import org.rlkd.core.gsrm.StepPair;
import org.rlkd.core.gsrm.Structure;
import org.rlkd.core.gsrm.StructureRenderer;
import org.rlkd.core.gsrm.TagDecomposer;
import org.rlkd.core.gsrm.TeacherCache;

/** What the structure reward promises whatever the judge says: any probabilities, any paths. */
class StructureRewardPropertiesTest {
  /** Judgements are in single precision. */
  private static final double ROUNDING = 1e-5;

  /** Invents a judgement of each pair of steps and stays with it; equal steps agree fully. */
  private static final class RandomJudge implements Judge {
    private final Random random;
    private final boolean binary;
    private final Map<StepPair, Judgement> given = new HashMap<>();

    RandomJudge(long seed, boolean binary) {
      this.random = new Random(seed);
      this.binary = binary;
    }

    @Override
    public List<Judgement> judge(List<StepPair> pairs) {
      return pairs.stream()
          .map(
              pair ->
                  pair.student().equals(pair.teacher())
                      ? new Judgement(1, 1, 1)
                      : given.computeIfAbsent(pair, key -> new Judgement(next(), next(), next())))
          .toList();
    }

    private double next() {
      return binary ? random.nextInt(2) : random.nextDouble();
    }
  }

  private static List<Step> steps(String side, int count, Random random) {
    List<Step> steps = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String text = side + random.nextInt(4);
      steps.add(new Step(text, text, text));
    }
    return steps;
  }

  private static List<TeacherPath> teachers(int count, Random random) {
    List<TeacherPath> paths = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      paths.add(
          new TeacherPath("", new Structure(steps("teacher ", 1 + random.nextInt(4), random))));
    }
    return paths;
  }

  private static double reward(
      Judge judge, StructureRewardOptions options, List<Step> student, List<TeacherPath> teachers) {
    Problem problem = new Problem("p", List.of(new ChatMessage("user", "?")), null, teachers);
    String completion = StructureRenderer.render(new Structure(student));
    return new StructureReward(
            new TagDecomposer(), judge, new FormulaAlignment(), TeacherCache.inMemory(), options)
        .score(List.of(new RewardSample(problem, completion, 1, false)))[0];
  }

  private static StructureRewardOptions options(
      String alignment, String normalize, double gapDecay) {
    return StructureRewardOptions.of(
        alignment, normalize, alignment.equals("prefix") ? 0 : gapDecay);
  }

  @Property(tries = 200)
  void rewards_are_bounded_and_the_teachers_own_path_gets_the_bound(
      @ForAll long seed,
      @ForAll boolean binary,
      @ForAll @IntRange(min = 0, max = 5) int n,
      @ForAll @DoubleRange(min = 0, max = 1) double gapDecay) {
    Random random = new Random(seed);
    List<TeacherPath> teachers = teachers(1, random);
    List<Step> teacher = teachers.get(0).structureOrNull().steps();
    List<Step> student = steps("student ", n, random);
    Judge judge = new RandomJudge(seed, binary);
    for (String alignment : List.of("prefix", "monotone", "tree")) {
      int most = Math.min(n, teacher.size());
      assertThat(reward(judge, options(alignment, "none", gapDecay), student, teachers))
          .isBetween(0.0, most + ROUNDING);
      assertThat(reward(judge, options(alignment, "none", gapDecay), teacher, teachers))
          .isEqualTo(teacher.size());
      for (String normalize : List.of("teacher", "max")) {
        assertThat(reward(judge, options(alignment, normalize, gapDecay), student, teachers))
            .isBetween(0.0, 1 + ROUNDING);
        assertThat(reward(judge, options(alignment, normalize, gapDecay), teacher, teachers))
            .isEqualTo(1);
      }
    }
  }

  @Property(tries = 300)
  void tree_is_at_least_the_best_single_path(
      @ForAll long seed,
      @ForAll boolean binary,
      @ForAll @IntRange(min = 1, max = 4) int paths,
      @ForAll @IntRange(min = 0, max = 5) int n,
      @ForAll @DoubleRange(min = 0, max = 1) double gapDecay) {
    Random random = new Random(seed);
    List<TeacherPath> teachers = teachers(paths, random);
    List<Step> student = steps("student ", n, random);
    Judge judge = new RandomJudge(seed, binary);
    for (String normalize : List.of("none", "teacher", "max")) {
      double tree = reward(judge, options("tree", normalize, gapDecay), student, teachers);
      for (TeacherPath path : teachers) {
        assertThat(tree)
            .isGreaterThanOrEqualTo(
                reward(judge, options("tree", normalize, gapDecay), student, List.of(path))
                    - ROUNDING);
      }
    }
  }

  @Property(tries = 300)
  void monotone_is_at_least_prefix_on_the_same_judgements(
      @ForAll long seed,
      @ForAll boolean binary,
      @ForAll @IntRange(min = 0, max = 5) int n,
      @ForAll @DoubleRange(min = 0, max = 1) double gapDecay) {
    Random random = new Random(seed);
    List<TeacherPath> teachers = teachers(1, random);
    List<Step> student = steps("student ", n, random);
    Judge judge = new RandomJudge(seed, binary);
    for (String normalize : List.of("none", "teacher", "max")) {
      assertThat(reward(judge, options("monotone", normalize, gapDecay), student, teachers))
          .isGreaterThanOrEqualTo(
              reward(judge, options("prefix", normalize, 0), student, teachers) - ROUNDING);
    }
  }

  @Property(tries = 300)
  void the_order_of_teachers_does_not_matter(
      @ForAll long seed,
      @ForAll boolean binary,
      @ForAll @IntRange(min = 2, max = 5) int paths,
      @ForAll @DoubleRange(min = 0, max = 1) double gapDecay) {
    Random random = new Random(seed);
    List<TeacherPath> teachers = teachers(paths, random);
    List<TeacherPath> shuffled = new ArrayList<>(teachers);
    Collections.shuffle(shuffled, random);
    List<Step> student = steps("student ", 4, random);
    Judge judge = new RandomJudge(seed, binary);
    assertThat(reward(judge, options("tree", "teacher", gapDecay), student, shuffled))
        .isEqualTo(reward(judge, options("tree", "teacher", gapDecay), student, teachers));
  }

  @Property(tries = 300)
  void steps_that_agree_with_nothing_never_raise_a_normalised_reward(
      @ForAll long seed,
      @ForAll boolean binary,
      @ForAll @IntRange(min = 1, max = 3) int paths,
      @ForAll @IntRange(min = 1, max = 3) int tail,
      @ForAll @DoubleRange(min = 0, max = 1) double gapDecay) {
    Random random = new Random(seed);
    List<TeacherPath> teachers = teachers(paths, random);
    List<Step> student = steps("student ", random.nextInt(5), random);
    List<Step> longer = new ArrayList<>(student);
    longer.addAll(Collections.nCopies(tail, new Step("wrong", "wrong", "wrong")));
    Judge random01 = new RandomJudge(seed, binary);
    Judge judge =
        pairs -> {
          List<Judgement> judgements = new ArrayList<>(random01.judge(pairs));
          for (int i = 0; i < pairs.size(); i++) {
            if (pairs.get(i).student().query().equals("wrong")) {
              judgements.set(i, new Judgement(0, 0, 0));
            }
          }
          return judgements;
        };
    for (String alignment : List.of("prefix", "monotone", "tree")) {
      for (String normalize : List.of("teacher", "max")) {
        StructureRewardOptions options = options(alignment, normalize, gapDecay);
        assertThat(reward(judge, options, longer, teachers))
            .isLessThanOrEqualTo(reward(judge, options, student, teachers) + ROUNDING);
      }
    }
  }

  @Property(tries = 100)
  void a_perfect_copy_gets_the_maximum_from_the_lexical_judge_whatever_the_words(
      @ForAll List<String> texts) {
    List<Step> steps = new ArrayList<>();
    for (String text : texts) {
      String plain = text.replaceAll("[^\\p{L}\\p{N} .,?+*/=-]", "").strip();
      if (!plain.isEmpty() && steps.size() < 6) {
        steps.add(new Step("it is " + plain, "what is it", plain));
      }
    }
    steps.add(new Step("next we need to find the number of", "what is it?", "it is the one"));
    List<Judgement> judgements =
        new LexicalJudge().judge(steps.stream().map(step -> new StepPair(step, step)).toList());
    assertThat(judgements).allMatch(judgement -> judgement.equals(new Judgement(1, 1, 1)));
  }
}
