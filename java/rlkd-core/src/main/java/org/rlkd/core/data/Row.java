package org.rlkd.core.data;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;

/**
 * One row of a data file.
 *
 * @param file the file it is from
 * @param number its place there, 1 for the first: the line of a JSONL file, the row of a Parquet
 *     file
 * @param fields its columns
 */
public record Row(Path file, long number, ObjectNode fields) {
  /** Where the row stands, for messages: {@code data.jsonl, row 17}. */
  public String place() {
    return file + ", row " + number;
  }
}
