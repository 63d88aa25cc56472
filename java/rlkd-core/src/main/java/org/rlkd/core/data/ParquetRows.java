package org.rlkd.core.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.NoSuchElementException;
import java.util.Properties;
import org.rlkd.core.InputException;

/** Parquet, read by DuckDB, each row as the JSON object of its columns. */
final class ParquetRows implements RowSource {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path file;
  private final Connection connection;
  private final Statement statement;
  private final ResultSet rows;
  private final long count;
  private boolean present;
  private long number;

  ParquetRows(Path file) {
    this.file = file;
    Connection opened = null;
    try {
      Properties streaming = new Properties();
      streaming.setProperty("jdbc_stream_results", "true");
      opened = DriverManager.getConnection("jdbc:duckdb:", streaming);
      statement = opened.createStatement();
      // One thread and insertion order: rows come as they stand in the file.
      statement.execute("SET threads = 1");
      // Nothing is fetched from a network: what reading Parquet needs is in the jar.
      statement.execute("SET autoinstall_known_extensions = false");
      String name = file.toString().replace("'", "''");
      try (ResultSet counted =
          statement.executeQuery("SELECT count(*) FROM read_parquet('%s')".formatted(name))) {
        counted.next();
        count = counted.getLong(1);
      }
      rows =
          statement.executeQuery(
              "SELECT CAST(to_json(t) AS VARCHAR) FROM read_parquet('%s') t".formatted(name));
      connection = opened;
      advance();
    } catch (SQLException e) {
      close(opened);
      throw unreadable(e);
    }
  }

  private void advance() throws SQLException {
    present = rows.next();
    number++;
  }

  @Override
  public boolean hasNext() {
    return present;
  }

  @Override
  public Row next() {
    if (!present) {
      throw new NoSuchElementException();
    }
    try {
      Row row = new Row(file, number, (ObjectNode) JSON.readTree(rows.getString(1)));
      advance();
      return row;
    } catch (SQLException | JsonProcessingException e) {
      throw unreadable(e);
    }
  }

  @Override
  public double share() {
    return count == 0 ? 1 : Math.min(1, (number - 1) / (double) count);
  }

  private InputException unreadable(Exception e) {
    return new InputException(
        "%s is not a readable Parquet file (row %d): %s"
            .formatted(file, number + 1, e.getMessage().lines().findFirst().orElse("")),
        e);
  }

  @Override
  public void close() {
    close(connection);
  }

  private void close(Connection open) {
    try {
      if (open != null) {
        open.close();
      }
    } catch (SQLException e) {
      throw new InputException("%s cannot be closed: %s".formatted(file, e.getMessage()), e);
    }
  }
}
