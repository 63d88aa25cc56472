package org.rlkd.core.gsrm;

/**
 * A student step and the teacher step that it is compared with: one row of a {@link Judge}'s batch.
 */
public record StepPair(Step student, Step teacher) {}
