package org.rlkd.bench;

/**
 * What one operation has to do at least, whoever does it.
 *
 * @param bytes read and written once each, as if caches held nothing before and everything
 *     meanwhile
 * @param flops floating-point operations of the matrix products; 0 where memory is the limit
 * @param tokens that come out of it; 0 where that says nothing
 */
public record Work(double bytes, double flops, double tokens) {
  /** Memory traffic alone. */
  public static Work bytes(double bytes) {
    return new Work(bytes, 0, 0);
  }
}
