package org.rlkd.core.data.conversion;

import java.util.List;
import java.util.Map;
import org.rlkd.core.data.Row;

/** Makes the rows of a data set from those of another. */
public interface RowConverter {
  /**
   * Says what the output depends on besides the input files: a conversion that was broken off goes
   * on only under the same settings.
   */
  String settings();

  /** Columns of the outputs with their SQL types, which a Parquet file takes over. */
  Map<String, String> columns();

  /** Converts a batch: one result for each row in the same order. */
  List<Converted> convert(List<Row> rows);
}
