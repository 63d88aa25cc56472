package org.rlkd.engine.policy;

import org.bytedeco.pytorch.Tensor;

/**
 * B sequences of up to T completion tokens; float32 tensors [B, T] whose innermost stride is 1.
 * Where the mask is 0 the other values don't matter, not even if they are NaN.
 *
 * @param logprob of the policy at the training temperature, nats
 * @param entropy of the policy, nats; null if neither a metric, nor the entropy quantile, nor the
 *     bonus needs it
 * @param oldLogprob of the policy that sampled; null: {@code logprob}, detached
 * @param refLogprob of the reference model; null if beta is 0
 * @param samplerLogprob of the sampler, for the off-policy mask; null: {@code oldLogprob}
 * @param importanceRatio {@link SamplerRatio}, [B, T] or [B, 1]; null: 1
 * @param mask 1 where a token counts, else 0
 * @param advantages [B] or [B, T]
 */
public record PolicyLossInputs(
    Tensor logprob,
    Tensor entropy,
    Tensor oldLogprob,
    Tensor refLogprob,
    Tensor samplerLogprob,
    Tensor importanceRatio,
    Tensor mask,
    Tensor advantages) {}
