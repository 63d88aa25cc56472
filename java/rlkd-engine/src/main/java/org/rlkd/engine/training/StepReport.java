package org.rlkd.engine.training;

import java.util.Map;

/**
 * A run after one optimizer step.
 *
 * @param step optimizer steps done, 1 after the first
 * @param totalSteps optimizer steps of the whole run
 * @param stepsPerSecond over this process's part of the run
 * @param metrics values by name; a listener may add its own, which are then recorded with them
 */
public record StepReport(
    long step, long totalSteps, double stepsPerSecond, Map<String, Double> metrics) {}
