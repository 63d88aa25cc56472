package org.rlkd.core.gsrm;

/**
 * Do these two texts agree?
 *
 * @param aspect what they are of their steps
 * @param teacher the teacher's text
 * @param student the student's text
 */
public record JudgeQuestion(Aspect aspect, String teacher, String student) {}
