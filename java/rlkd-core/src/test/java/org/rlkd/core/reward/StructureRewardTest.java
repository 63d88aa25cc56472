package org.rlkd.core.reward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.data.Problem;
import org.rlkd.core.data.TeacherPath;
import org.rlkd.core.gsrm.Decomposer;
import org.rlkd.core.gsrm.Decomposition;
import org.rlkd.core.gsrm.FormulaAlignment;
import org.rlkd.core.gsrm.Judge;
import org.rlkd.core.gsrm.Judgement;
import org.rlkd.core.gsrm.LexicalJudge;
import org.rlkd.core.gsrm.Reasoning;
import org.rlkd.core.gsrm.Step;
import org.rlkd.core.gsrm.Structure;
import org.rlkd.core.gsrm.StructureParser;
import org.rlkd.core.gsrm.StructureRenderer;
import org.rlkd.core.gsrm.TagDecomposer;
import org.rlkd.core.gsrm.TeacherCache;

class StructureRewardTest {
  private static final Step A = new Step("apples from pears", "pears plus 2", "5");
  private static final Step B = new Step("plums from figs", "figs times 3", "9");
  private static final Step C = new Step("total of apples and plums", "apples plus plums", "14");
  private static final Step WRONG_ANSWER = new Step("plums from figs", "figs times 3", "8");
  private static final Step WRONG_QUERY = new Step("plums from figs", "figs plus 3", "9");
  private static final Step DETOUR = new Step("nuts from kiwis", "kiwis minus 1", "0");

  private static String completion(Step... steps) {
    return "<think>"
        + StructureRenderer.render(new Structure(List.of(steps)))
        + "</think>\n<answer>14</answer>";
  }

  private static TeacherPath given(Step... steps) {
    return new TeacherPath("", new Structure(List.of(steps)));
  }

  private static Problem problem(TeacherPath... paths) {
    return new Problem("p1", List.of(new ChatMessage("user", "How many?")), "14", List.of(paths));
  }

  private static RewardSample sample(Problem problem, String completion) {
    return new RewardSample(problem, completion, 10, false);
  }

  private static StructureReward reward(
      Decomposer decomposer, Judge judge, String alignment, String normalize, double gapDecay) {
    return new StructureReward(
        decomposer,
        judge,
        new FormulaAlignment(),
        TeacherCache.inMemory(),
        StructureRewardOptions.of(alignment, normalize, gapDecay));
  }

  private static StructureAssessment assess(
      String alignment, String normalize, Problem problem, String completion) {
    return reward(new TagDecomposer(), new LexicalJudge(), alignment, normalize, 0.5)
        .explain(List.of(sample(problem, completion)))
        .get(0);
  }

  @Test
  void the_teachers_own_steps_score_their_number_and_1_when_normalised() {
    assertThat(assess("prefix", "none", problem(given(A, B, C)), completion(A, B, C)).reward())
        .isEqualTo(3);
    assertThat(assess("prefix", "teacher", problem(given(A, B, C)), completion(A, B, C)).reward())
        .isEqualTo(1);
  }

  @Test
  void a_wrong_answer_or_query_halves_its_step() {
    assertThat(
            assess("prefix", "none", problem(given(A, B, C)), completion(A, WRONG_ANSWER, C))
                .reward())
        .isEqualTo(2.5);
    assertThat(
            assess("prefix", "none", problem(given(A, B, C)), completion(A, WRONG_QUERY, C))
                .reward())
        .isEqualTo(2.5);
  }

  @Test
  void a_detour_closes_the_gate_under_prefix_and_costs_gap_decay_under_monotone() {
    Problem problem = problem(given(A, B, C));
    assertThat(assess("prefix", "none", problem, completion(A, DETOUR, B, C)).reward())
        .isEqualTo(1);
    assertThat(assess("monotone", "none", problem, completion(A, DETOUR, B, C)).reward())
        .isEqualTo(1 + 0.5 * 2);
  }

  @Test
  void without_the_gate_a_detour_costs_its_place_and_nothing_after_it() {
    StructureReward reward =
        new StructureReward(
            new TagDecomposer(),
            new LexicalJudge(),
            new FormulaAlignment(),
            TeacherCache.inMemory(),
            StructureRewardOptions.PAPER.withoutGate());
    Problem problem = problem(given(A, B, C));
    assertThat(reward.score(List.of(sample(problem, completion(A, DETOUR, C)))))
        .containsExactly(1 + 0.25 + 1);
    assertThat(assess("prefix", "none", problem, completion(A, DETOUR, C)).reward()).isEqualTo(1);
  }

  @Test
  void steps_that_may_be_skipped_need_the_gate() {
    assertThatThrownBy(() -> StructureRewardOptions.of("monotone", "none", 0.5).withoutGate())
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("gap_decay 0.5");
  }

  @Test
  void another_order_of_the_steps_counts_in_full_if_a_teacher_took_it() {
    Problem problem = problem(given(A, B, C), given(B, A, C));
    assertThat(assess("prefix", "teacher", problem, completion(B, A, C)).reward()).isZero();
    assertThat(assess("tree", "teacher", problem, completion(B, A, C)).reward()).isEqualTo(1);
  }

  @Test
  void the_assessment_shows_the_best_path_and_what_each_step_earned() {
    Problem problem = problem(given(A, C), given(B, A, C));
    StructureAssessment assessment =
        assess("tree", "teacher", problem, completion(WRONG_ANSWER, A, DETOUR, C));
    assertThat(assessment.teacherSteps()).containsExactly(B, A, C);
    assertThat(assessment.studentSteps())
        .extracting(StructureAssessment.StudentStep::teacherStep)
        .containsExactly(0, 1, -1, 2);
    assertThat(assessment.studentSteps().get(0).judgement()).isEqualTo(new Judgement(1, 1, 0));
    assertThat(assessment.studentSteps().get(2).judgement()).isNull();
    assertThat(assessment.studentSteps())
        .extracting(StructureAssessment.StudentStep::reward)
        .containsExactly(0.5, 1.0, 0.0, 0.5);
    assertThat(assessment.reward()).isCloseTo(2.0 / 3, within(1e-9));
  }

  @Test
  void a_student_without_steps_scores_0_and_a_teacher_without_steps_is_unscorable() {
    assertThat(assess("tree", "teacher", problem(given(A)), "no tags here</think>").reward())
        .isZero();
    assertThat(assess("tree", "teacher", problem(given(A)), "").reward()).isZero();
    StructureAssessment noSteps = assess("tree", "teacher", problem(given()), completion(A));
    assertThat(noSteps.reward()).isNaN();
    assertThat(noSteps.unscorableReason()).contains("no steps");
    assertThat(assess("tree", "teacher", problem(), completion(A)).unscorableReason())
        .contains("no teacher path");
  }

  @Test
  void only_the_text_before_the_end_of_thinking_counts() {
    String steps = StructureRenderer.render(new Structure(List.of(A, B)));
    assertThat(assess("prefix", "none", problem(given(A, B)), steps).reward()).isEqualTo(2);
    assertThat(assess("prefix", "none", problem(given(A, B)), "</think>" + steps).reward())
        .isZero();
  }

  @Test
  void a_failed_judge_makes_the_sample_unscorable_and_leaves_the_others_alone() {
    Judge failsOnDetours =
        pairs -> {
          List<Judgement> judgements = new ArrayList<>(new LexicalJudge().judge(pairs));
          for (int i = 0; i < pairs.size(); i++) {
            if (pairs.get(i).student().equals(DETOUR)) {
              judgements.set(i, Judgement.FAILED);
            }
          }
          return judgements;
        };
    Problem problem = problem(given(A, B));
    List<StructureAssessment> assessments =
        reward(new TagDecomposer(), failsOnDetours, "prefix", "none", 0)
            .explain(
                List.of(sample(problem, completion(A, DETOUR)), sample(problem, completion(A, B))));
    assertThat(assessments.get(0).reward()).isNaN();
    assertThat(assessments.get(0).unscorableReason()).isEqualTo("judge failed");
    assertThat(assessments.get(1).reward()).isEqualTo(2);
    assertThat(assessments.get(1).unscorableReason()).isNull();
  }

  /** Counts its calls and fails on texts that say so. */
  private static final class CountingDecomposer implements Decomposer {
    final List<List<Reasoning>> batches = new ArrayList<>();

    @Override
    public String id() {
      return "counting";
    }

    @Override
    public List<Decomposition> decompose(List<Reasoning> reasonings) {
      batches.add(reasonings);
      return reasonings.stream()
          .map(Reasoning::text)
          .<Decomposition>map(
              text ->
                  text.contains("unparsable")
                      ? new Decomposition.Failed("no tags after 3 tries")
                      : new Decomposition.Parsed(StructureParser.parse(text)))
          .toList();
    }
  }

  /** Another machine that answers when it is let. */
  private static final class RemoteDecomposer implements Decomposer {
    final CountingDecomposer counting = new CountingDecomposer();
    final CountDownLatch begun = new CountDownLatch(1);
    final CountDownLatch mayAnswer = new CountDownLatch(1);
    RuntimeException failure;

    @Override
    public String id() {
      return "remote";
    }

    @Override
    public boolean remote() {
      return true;
    }

    @Override
    public List<Decomposition> decompose(List<Reasoning> reasonings) {
      begun.countDown();
      try {
        assertThat(mayAnswer.await(20, TimeUnit.SECONDS)).isTrue();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      if (failure != null) {
        throw failure;
      }
      return counting.decompose(reasonings);
    }
  }

  @Test
  void a_remote_decomposer_begins_with_an_announced_group_and_does_nothing_twice()
      throws InterruptedException {
    RemoteDecomposer decomposer = new RemoteDecomposer();
    StructureReward reward = reward(decomposer, new LexicalJudge(), "prefix", "teacher", 0);
    String teacher = "<think>\n" + StructureRenderer.render(new Structure(List.of(A, B, C)));
    Problem problem = problem(new TeacherPath(teacher, null));
    RewardSample announced = sample(problem, completion(A, B));
    RewardSample other = sample(problem, completion(A));
    reward.announce(List.of(announced, announced)); // returns while nothing is answered
    assertThat(decomposer.begun.await(20, TimeUnit.SECONDS)).isTrue();
    decomposer.mayAnswer.countDown();
    assertThat(reward.score(List.of(announced, other, announced)))
        .containsExactly(2 / 3.0, 1 / 3.0, 2 / 3.0);
    assertThat(decomposer.counting.batches.stream().map(List::size)).containsExactly(2, 1);
    assertThat(reward.score(List.of(other))).containsExactly(1 / 3.0); // nothing of before is kept
    assertThat(decomposer.counting.batches).hasSize(3);
  }

  @Test
  void a_failure_of_what_was_begun_early_fails_the_scoring_and_not_the_next_one() {
    RemoteDecomposer decomposer = new RemoteDecomposer();
    decomposer.failure = new InputException("the server refuses the key");
    decomposer.mayAnswer.countDown();
    StructureReward reward = reward(decomposer, new LexicalJudge(), "prefix", "none", 0);
    RewardSample sample = sample(problem(given(A)), completion(A));
    reward.announce(List.of(sample));
    assertThatThrownBy(() -> reward.score(List.of(sample)))
        .isInstanceOf(InputException.class)
        .hasMessage("the server refuses the key");
    decomposer.failure = null;
    assertThat(reward.score(List.of(sample))).containsExactly(1);
  }

  @Test
  void a_decomposer_of_this_process_begins_nothing_early() {
    CountingDecomposer decomposer = new CountingDecomposer();
    StructureReward reward = reward(decomposer, new LexicalJudge(), "prefix", "none", 0);
    RewardSample sample = sample(problem(given(A)), completion(A));
    reward.announce(List.of(sample));
    assertThat(decomposer.batches).isEmpty();
    assertThat(reward.score(List.of(sample))).containsExactly(1);
  }

  @Test
  void each_distinct_text_is_decomposed_once_in_one_batch_and_the_teachers_never_again() {
    CountingDecomposer decomposer = new CountingDecomposer();
    StructureReward reward = reward(decomposer, new LexicalJudge(), "tree", "teacher", 0);
    String teacher = "<think>\n" + StructureRenderer.render(new Structure(List.of(A, B)));
    Problem problem = problem(new TeacherPath(teacher, null), given(B, A));
    RewardSample good = sample(problem, completion(A, B));
    assertThat(reward.score(List.of(good, sample(problem, completion(B)), good)))
        .containsExactly(1, 0.5, 1);
    assertThat(reward.score(List.of(sample(problem, completion(A))))).containsExactly(0.5);
    assertThat(decomposer.batches).hasSize(2);
    assertThat(decomposer.batches.get(0)).hasSize(2); // the teacher's text is the first student's
    assertThat(decomposer.batches.get(1)).hasSize(1);
  }

  @Test
  void a_failed_decomposer_is_unscorable_with_its_reason() {
    StructureReward reward =
        reward(new CountingDecomposer(), new LexicalJudge(), "tree", "teacher", 0);
    Problem problem = problem(given(A));
    Problem badTeacher = problem(new TeacherPath("unparsable", null));
    List<StructureAssessment> assessments =
        reward.explain(List.of(sample(problem, "unparsable"), sample(badTeacher, completion(A))));
    assertThat(assessments).allSatisfy(assessment -> assertThat(assessment.reward()).isNaN());
    assertThat(assessments)
        .allSatisfy(
            assessment ->
                assertThat(assessment.unscorableReason()).contains("no tags after 3 tries"));
  }

  @Test
  void a_failed_decomposition_of_a_teacher_is_not_tried_again() {
    CountingDecomposer decomposer = new CountingDecomposer();
    StructureReward reward = reward(decomposer, new LexicalJudge(), "prefix", "none", 0);
    Problem problem = problem(new TeacherPath("unparsable", null));
    reward.score(List.of(sample(problem, completion(A))));
    reward.score(List.of(sample(problem, completion(B))));
    assertThat(decomposer.batches).hasSize(2);
    assertThat(decomposer.batches.get(1)).hasSize(1);
    assertThat(decomposer.batches.get(1).get(0).text()).contains("[sub-think 1]: plums");
    assertThat(reward.metrics())
        .containsEntry("gsrm/teacher_cache_hit_rate", 0.5)
        .containsEntry("gsrm/unscorable", 1.0);
  }

  @Test
  void above_the_limit_of_unscorable_completions_the_run_stops_with_the_cause() {
    List<Problem> problems = new ArrayList<>();
    for (int p = 0; p < 4; p++) {
      problems.add(
          new Problem(
              "p" + p, List.of(new ChatMessage("user", "How many?")), "14", List.of(given(A))));
    }
    List<RewardSample> samples = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      samples.add(sample(problems.get(i % 4), i % 4 == 0 ? "fine" : "unparsable " + i));
    }
    StructureReward lenient = limited(0.75);
    assertThat(lenient.score(samples)).hasSize(16);
    assertThatThrownBy(() -> limited(0.7).score(samples))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("12 of the last 16 completions")
        .hasMessageContaining("no tags after 3 tries")
        .hasMessageContaining("rlkd.gsrm.max_unscorable");
    // one problem that cannot be scored does not stop a run
    RewardSample bad = sample(problems.get(1), "unparsable");
    assertThat(limited(0).score(java.util.Collections.nCopies(40, bad))).hasSize(40);
  }

  private static StructureReward limited(double maxUnscorable) {
    return new StructureReward(
        new CountingDecomposer(),
        new LexicalJudge(),
        new FormulaAlignment(),
        TeacherCache.inMemory(),
        StructureRewardOptions.PAPER.stoppingAbove(maxUnscorable));
  }

  @Test
  void under_compatibility_reference_a_missing_partner_costs_nothing_and_tags_are_exact() {
    StructureReward reward =
        new StructureReward(
            new TagDecomposer(),
            new LexicalJudge(),
            new FormulaAlignment(),
            TeacherCache.inMemory(),
            StructureRewardOptions.REFERENCE);
    String thoughts = "[sub-think 1]: apples from pears [sub-think 2]: plums from figs";
    Problem problem = problem(new TeacherPath(thoughts + "[Answer 1]: 5", null));
    assertThat(
            reward.score(
                List.of(
                    sample(problem, thoughts + "[Answer 1]: 6"),
                    sample(problem, thoughts),
                    sample(problem, "[Meta-reasoning 1]: apples from pears"))))
        .containsExactly(1.5, 2, 0);
    Problem empty = problem(new TeacherPath("no tags", null));
    assertThat(reward.score(List.of(sample(empty, thoughts)))).containsExactly(0);
    assertThat(
            reward
                .explain(List.of(sample(problem, thoughts + "[Answer 1]: 6")))
                .get(0)
                .studentSteps())
        .extracting(StructureAssessment.StudentStep::reward)
        .containsExactly(0.5, 1.0);
  }

  @Test
  void a_thousand_steps_cost_no_more_questions_than_the_bound() {
    int[] questions = {0};
    Judge counting =
        pairs -> {
          questions[0] += pairs.size();
          return new LexicalJudge().judge(pairs);
        };
    StringBuilder long_ = new StringBuilder();
    for (int i = 0; i < 10_000; i++) {
      long_.append("[sub-think]: apples from pears number ").append(i).append('\n');
    }
    StructureReward reward = reward(new TagDecomposer(), counting, "monotone", "max", 0.5);
    double score = reward.score(List.of(sample(problem(given(A, B, C)), long_.toString())))[0];
    assertThat(questions[0]).isEqualTo(3 * StructureReward.MOST_STEPS);
    assertThat(score).isBetween(0.0, 0.01);
  }

  @Property(tries = 200)
  void adding_a_wrong_tail_never_raises_a_normalised_reward(
      @ForAll List<@IntRange(min = 0, max = 4) Integer> studentSteps,
      @ForAll @IntRange(min = 1, max = 4) int tail) {
    List<Step> all = List.of(A, B, C, WRONG_ANSWER, WRONG_QUERY);
    List<Step> student = new ArrayList<>(studentSteps.stream().limit(6).map(all::get).toList());
    Problem problem = problem(given(A, B, C), given(B, A, C), given(B, C));
    for (String alignment : List.of("prefix", "monotone", "tree")) {
      for (String normalize : List.of("teacher", "max")) {
        double before =
            assess(alignment, normalize, problem, completion(student.toArray(new Step[0])))
                .reward();
        List<Step> longer = new ArrayList<>(student);
        for (int i = 0; i < tail; i++) {
          longer.add(DETOUR);
        }
        double after =
            assess(alignment, normalize, problem, completion(longer.toArray(new Step[0]))).reward();
        assertThat(after).isLessThanOrEqualTo(before + 1e-12);
      }
    }
  }

  @Test
  void unknown_options_are_refused_by_name() {
    assertThatThrownBy(() -> StructureRewardOptions.of("tre", "none", 0))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("'tree'");
    assertThatThrownBy(() -> StructureRewardOptions.of("tree", "teachers", 0))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("'teacher'");
    assertThatThrownBy(() -> StructureRewardOptions.of("tree", "none", 1.5))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("gap_decay");
  }
}
