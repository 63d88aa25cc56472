package org.rlkd.core.gsrm;

import java.util.List;

/** A judge that is asked one text pair at a time, as models are; see {@link AskingJudge}. */
public interface QuestionJudge {
  /**
   * Identifies model, prompt and version: part of the key under which answers are cached, so it
   * must change when an answer may change.
   */
  String id();

  /** One verdict for each question in the same order. Called with distinct questions. */
  List<Verdict> ask(List<JudgeQuestion> questions);
}
