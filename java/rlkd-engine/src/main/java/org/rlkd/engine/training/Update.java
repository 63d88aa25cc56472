package org.rlkd.engine.training;

/**
 * What became of one optimizer step.
 *
 * @param gradNorm global L2 norm of the gradients before clipping; NaN or infinite if any entry is
 * @param applied false if the parameters were left alone because the norm or the loss wasn't finite
 */
public record Update(double gradNorm, boolean applied) {}
