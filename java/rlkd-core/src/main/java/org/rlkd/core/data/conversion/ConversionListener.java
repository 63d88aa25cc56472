package org.rlkd.core.data.conversion;

/** Hears of the progress of a {@link Conversion}. */
public interface ConversionListener {
  /**
   * After each batch.
   *
   * @param share of the input that is done, from 0 to 1
   * @param rows rows read so far, those of an earlier part included
   * @param bad bad rows among them
   */
  void progress(double share, long rows, long bad);

  /** A bad row, which is left out. */
  void bad(String message);
}
