package org.rlkd.core.gsrm;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;

/**
 * Judges pairs of steps by questions about their texts: an empty text agrees with nothing and an
 * equal one (up to white space) with probability 1, both without asking; every other distinct
 * question is asked once, and answered from the cache ever after. The first answer too is what the
 * cache has, a float32. Failures are not cached.
 *
 * <p>A pair whose meta-reasonings certainly disagree (probability 0) earns nothing whatever its
 * query and answer are, yet they are asked: the kernel and {@code completions.jsonl} show them.
 */
public final class AskingJudge implements Judge {
  private final QuestionJudge judge;
  private final AnswerCache cache;
  private long questions;
  private long asked;

  /** Borrows both; the caller closes the cache. */
  public AskingJudge(QuestionJudge judge, AnswerCache cache) {
    this.judge = judge;
    this.cache = cache;
  }

  @Override
  public List<Judgement> judge(List<StepPair> pairs) {
    Map<JudgeQuestion, Verdict> verdicts = new HashMap<>();
    Set<JudgeQuestion> open = new LinkedHashSet<>();
    for (StepPair pair : pairs) {
      for (Aspect aspect : Aspect.values()) {
        JudgeQuestion question = question(aspect, pair);
        if (!verdicts.containsKey(question) && !open.contains(question)) {
          Verdict known = known(question);
          if (known == null) {
            open.add(question);
          } else {
            verdicts.put(question, known);
          }
        }
      }
    }
    ask(List.copyOf(open), verdicts);
    List<Judgement> judgements = new ArrayList<>(pairs.size());
    for (StepPair pair : pairs) {
      Verdict meta = verdicts.get(question(Aspect.META_REASONING, pair));
      Verdict query = verdicts.get(question(Aspect.QUERY, pair));
      Verdict answer = verdicts.get(question(Aspect.ANSWER, pair));
      String failure = meta.failure() != null ? meta.failure() : query.failure();
      judgements.add(
          new Judgement(
              meta.probability(),
              query.probability(),
              answer.probability(),
              failure != null ? failure : answer.failure()));
    }
    return judgements;
  }

  private void ask(List<JudgeQuestion> open, Map<JudgeQuestion, Verdict> verdicts) {
    List<Verdict> answers = open.isEmpty() ? List.of() : judge.ask(open);
    if (answers.size() != open.size()) {
      throw new IllegalStateException(
          "judge %s gave %d answers to %d questions"
              .formatted(judge.id(), answers.size(), open.size()));
    }
    for (int i = 0; i < open.size(); i++) {
      Verdict answer = answers.get(i);
      if (answer.failure() == null) {
        cache.put(judge.id(), open.get(i), answer.probability());
        answer = Verdict.of((float) answer.probability());
      }
      verdicts.put(open.get(i), answer);
    }
    asked += open.size();
  }

  private Verdict known(JudgeQuestion question) {
    String teacher = question.teacher().strip();
    String student = question.student().strip();
    if (teacher.isEmpty() || student.isEmpty()) {
      return Verdict.of(0);
    }
    if (teacher.equals(student)
        || teacher.replaceAll("\\s+", " ").equals(student.replaceAll("\\s+", " "))) {
      return Verdict.of(1);
    }
    questions++;
    OptionalDouble cached = cache.get(judge.id(), question);
    return cached.isPresent() ? Verdict.of(cached.getAsDouble()) : null;
  }

  private static JudgeQuestion question(Aspect aspect, StepPair pair) {
    return new JudgeQuestion(aspect, aspect.of(pair.teacher()), aspect.of(pair.student()));
  }

  /**
   * {@code gsrm/judge_questions}: distinct questions so far that had to be asked or looked up;
   * {@code gsrm/judge_cache_hit_rate}: the share that the cache answered, absent before the first.
   */
  @Override
  public Map<String, Double> metrics() {
    return questions == 0
        ? Map.of()
        : Map.of(
            "gsrm/judge_questions",
            (double) questions,
            "gsrm/judge_cache_hit_rate",
            1 - asked / (double) questions);
  }
}
