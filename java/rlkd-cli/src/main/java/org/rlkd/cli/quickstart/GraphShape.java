package org.rlkd.cli.quickstart;

/**
 * Bounds on the graphs a {@link GraphSampler} draws; all bounds are inclusive.
 *
 * @param minGivens fewest quantities whose value is stated
 * @param maxGivens most of them
 * @param minSteps fewest sub-problems on which the answer depends
 * @param maxSteps most of them
 * @param minOrders fewest orders in which they can be solved
 * @param maxDistractors most quantities, stated or derived, on which the answer does not depend
 * @param maxValue largest value of any quantity; the smallest is 1
 * @param maxConstant largest number in a formula; the smallest is 1
 */
public record GraphShape(
    int minGivens,
    int maxGivens,
    int minSteps,
    int maxSteps,
    int minOrders,
    int maxDistractors,
    int maxValue,
    int maxConstant) {}
