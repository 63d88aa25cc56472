package org.rlkd.engine.model;

import org.bytedeco.pytorch.Tensor;

/**
 * The three projections of one attention block, normed and rotated, ready to attend or to cache.
 *
 * @param query [B, heads, T, D]
 * @param key [B, keyValueHeads, T, D]
 * @param value [B, keyValueHeads, T, D]
 */
public record QueryKeyValue(Tensor query, Tensor key, Tensor value) {}
