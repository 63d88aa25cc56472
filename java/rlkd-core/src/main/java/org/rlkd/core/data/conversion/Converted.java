package org.rlkd.core.data.conversion;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** What a {@link RowConverter} makes of a row. */
public sealed interface Converted {
  /**
   * Rows for one of the outputs.
   *
   * @param output its index
   * @param rows with columns that the converter declares
   */
  record Rows(int output, List<ObjectNode> rows) implements Converted {
    public Rows {
      rows = List.copyOf(rows);
    }
  }

  /** A good row that is not wanted; counted by its reason. */
  record Skipped(String reason) implements Converted {}

  /** A row that cannot be used: reported, and counted against the limit. */
  record Bad(String reason) implements Converted {}
}
