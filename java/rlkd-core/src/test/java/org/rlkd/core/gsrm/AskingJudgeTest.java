package org.rlkd.core.gsrm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class AskingJudgeTest {
  /** Answers by the length of the student's text; fails on texts that say so. */
  private static final class LengthJudge implements QuestionJudge {
    final List<List<JudgeQuestion>> batches = new ArrayList<>();

    @Override
    public String id() {
      return "length";
    }

    @Override
    public List<Verdict> ask(List<JudgeQuestion> questions) {
      batches.add(questions);
      return questions.stream()
          .map(
              question ->
                  question.student().contains("unanswerable")
                      ? Verdict.failed("no words for it")
                      : Verdict.of(1.0 / question.student().length()))
          .toList();
    }
  }

  private static final Step TEACHER = new Step("why", "what", "5");

  private final LengthJudge questions = new LengthJudge();
  private final AskingJudge judge = new AskingJudge(questions, AnswerCache.inMemory());

  private Judgement judge(Step student) {
    return judge.judge(List.of(new StepPair(student, TEACHER))).get(0);
  }

  @Test
  void equal_questions_are_asked_once_over_all_batches() {
    Step student = new Step("ab", "abcd", "12345678");
    StepPair pair = new StepPair(student, TEACHER);
    StepPair sameQuery = new StepPair(new Step("xyz.", "abcd", "12345678"), TEACHER);
    assertThat(judge.judge(List.of(pair, pair, sameQuery)))
        .containsExactly(
            new Judgement(0.5, 0.25, 0.125),
            new Judgement(0.5, 0.25, 0.125),
            new Judgement(0.25, 0.25, 0.125));
    assertThat(questions.batches).hasSize(1);
    assertThat(questions.batches.get(0)).hasSize(4);
    judge.judge(List.of(sameQuery));
    assertThat(questions.batches).hasSize(1);
    assertThat(judge.metrics())
        .containsEntry("gsrm/judge_questions", 7.0)
        .containsEntry("gsrm/judge_cache_hit_rate", 1 - 4 / 7.0);
  }

  @Test
  void an_empty_text_agrees_with_nothing_and_an_equal_one_fully_without_asking() {
    assertThat(judge(new Step("", "  what ", "5"))).isEqualTo(new Judgement(0, 1, 1));
    assertThat(judge(new Step(" \n", "", ""))).isEqualTo(new Judgement(0, 0, 0));
    assertThat(questions.batches).isEmpty();
  }

  @Test
  void a_failure_is_told_with_its_reason_and_asked_again() {
    Judgement judgement = judge(new Step("ab", "unanswerable", "5"));
    assertThat(judgement.failed()).isTrue();
    assertThat(judgement.meta()).isEqualTo(0.5);
    assertThat(judgement.query()).isNaN();
    assertThat(judgement.failure()).isEqualTo("no words for it");
    judge(new Step("ab", "unanswerable", "5"));
    assertThat(questions.batches).hasSize(2);
    assertThat(questions.batches.get(1)).hasSize(1);
  }
}
