package org.rlkd.core.data.conversion;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.stream.Collectors;
import org.rlkd.core.InputException;

/** Writes Parquet, by DuckDB. */
final class ParquetCopy {
  private static final int LARGEST_ROW_BYTES = 1 << 28;

  private ParquetCopy() {}

  /**
   * Copies a file of JSON lines, keeping the order of its rows.
   *
   * @param columns names with SQL types; a column that a row lacks is null
   */
  static void ofJsonLines(Path lines, Map<String, String> columns, Path parquet) {
    String schema =
        columns.entrySet().stream()
            .map(column -> "%s: %s".formatted(column.getKey(), quoted(column.getValue())))
            .collect(Collectors.joining(", ", "{", "}"));
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute("SET threads = 1");
      statement.execute("SET autoinstall_known_extensions = false");
      statement.execute(
          "COPY (SELECT * FROM read_json(%s, format = 'newline_delimited', columns = %s, maximum_object_size = %d)) TO %s (FORMAT parquet, COMPRESSION zstd)"
              .formatted(
                  quoted(lines.toString()), schema, LARGEST_ROW_BYTES, quoted(parquet.toString())));
    } catch (SQLException e) {
      throw new InputException("%s cannot be written: %s".formatted(parquet, e.getMessage()), e);
    }
  }

  private static String quoted(String text) {
    return "'" + text.replace("'", "''") + "'";
  }
}
