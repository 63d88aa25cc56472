package org.rlkd.core.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Locale;
import org.rlkd.core.InputException;

/**
 * The rows of a data file, one after another; only the present one is in memory.
 *
 * <p>{@link #next} throws an {@link InputException} that names file and row where a row cannot be
 * read; the row counts as passed, and the next call goes on behind it. {@link #hasNext} throws one
 * where the file itself ends in the middle or cannot be read on.
 */
public interface RowSource extends Iterator<Row>, AutoCloseable {

  /**
   * Opens a file by its name: {@code .jsonl}, {@code .jsonl.gz} or {@code .parquet}.
   *
   * @throws InputException if it is missing, of another kind, or damaged at its start
   */
  static RowSource open(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new InputException(
          "data file %s does not exist: give a .jsonl, .jsonl.gz or .parquet file".formatted(file));
    }
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".parquet")) {
      return new ParquetRows(file);
    }
    if (name.endsWith(".jsonl") || name.endsWith(".jsonl.gz")) {
      return new JsonLinesRows(file);
    }
    throw new InputException(
        "data file %s: found an unknown kind, expected a name that ends in .jsonl, .jsonl.gz or .parquet"
            .formatted(file));
  }

  /** How much of the file is read, from 0 to 1; for progress. */
  double share();

  @Override
  void close();
}
