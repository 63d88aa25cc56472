package org.rlkd.core.config;

/**
 * {@code packing_strategy}: how documents become rows of up to {@code max_length} tokens. Both pack
 * by best-fit decreasing: the longest document first, each into the fullest row that has room.
 *
 * <p>TRL's third strategy, {@code wrapped}, cuts documents wherever a row ends and lets a token see
 * the documents before its own; it does not exist here.
 */
public enum PackingStrategy {
  /** A document longer than a row keeps its start. */
  BFD,
  /** A document longer than a row is cut into pieces of a row, and the rest. */
  BFD_SPLIT
}
