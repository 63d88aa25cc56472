package org.rlkd.core.gsrm;

/** The judge of the RLKD reference: one question at a time, answered in words. */
public interface ReferenceJudge {
  /** The three questions of the reference. */
  enum Question {
    THINK,
    QUERY,
    ANSWER
  }

  /** Returns the judge's words about a teacher's and a student's block, markers included. */
  String reply(Question question, String teacherBlock, String studentBlock);
}
