package org.rlkd.cli.quickstart;

/**
 * Bounds on the graphs a {@link GraphSampler} draws; all bounds are inclusive.
 *
 * @param minSteps fewest sub-problems on which the answer depends, its own included
 * @param maxSteps most of them
 * @param minOrders fewest orders in which they can be solved
 * @param maxDistractors most quantities on which the answer does not depend
 * @param maxValue largest number stated or derived; the smallest is 1
 */
public record GraphShape(
    int minSteps, int maxSteps, int minOrders, int maxDistractors, int maxValue) {}
