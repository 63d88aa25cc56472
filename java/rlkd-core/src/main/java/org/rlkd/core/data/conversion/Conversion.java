package org.rlkd.core.data.conversion;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.rlkd.core.InputException;
import org.rlkd.core.data.Row;
import org.rlkd.core.data.RowSource;

/**
 * Makes data sets of input files, a batch of rows at a time; only the batch is in memory.
 *
 * <p>A conversion that is killed, by whatever, goes on from its last batch when it is started again
 * with the same inputs, settings and outputs, and ends with the same files. Bad rows are reported
 * and left out, up to a limit.
 */
public final class Conversion {
  /** Rows that came out. */
  public static final String WRITTEN = "written";

  /** Rows that could not be used. */
  public static final String BAD = "bad";

  private static final long SAVE_NANOS = 1_000_000_000L;

  private final List<Path> inputs;
  private final List<Path> outputs;
  private final RowConverter converter;
  private final int batchSize;
  private final long maxBad;
  private final ConversionListener listener;
  private final Map<String, Long> counts = new TreeMap<>();

  /**
   * A conversion.
   *
   * @param inputs read one after another
   * @param outputs files as the converter numbers them; the first one's name is that of the state
   *     file beside it
   * @param batchSize rows given to the converter at a time
   * @param maxBad bad rows beyond which the conversion fails
   */
  public Conversion(
      List<Path> inputs,
      List<Path> outputs,
      RowConverter converter,
      int batchSize,
      long maxBad,
      ConversionListener listener) {
    this.inputs = List.copyOf(inputs);
    this.outputs = List.copyOf(outputs);
    this.converter = converter;
    this.batchSize = batchSize;
    this.maxBad = maxBad;
    this.listener = listener;
  }

  /** Where a conversion to this (first) output keeps how far it has come. */
  public static Path stateFile(Path output) {
    return RowOutput.hidden(output, ".state.json");
  }

  /**
   * Converts what is not converted yet.
   *
   * @return rows by what became of them: {@link #WRITTEN}, {@link #BAD}, and the reasons why rows
   *     were skipped
   * @throws InputException if a file cannot be read or written, an output is there already, there
   *     are too many bad rows, or an unfinished conversion is of other inputs or settings
   */
  public Map<String, Long> run() {
    outputs.forEach(RowOutput::requireKind);
    Path stateFile = stateFile(outputs.get(0));
    ConversionState state = state(stateFile);
    counts.putAll(state.counts());
    List<RowOutput> open = new ArrayList<>();
    try {
      for (int i = 0; i < outputs.size(); i++) {
        open.add(new RowOutput(outputs.get(i), converter.columns(), state.bytes().get(i)));
      }
      for (int file = state.file(); file < inputs.size(); file++) {
        convert(file, file == state.file() ? state.rows() : 0, open, stateFile);
      }
      open.forEach(RowOutput::complete);
      Files.deleteIfExists(stateFile);
      open.forEach(RowOutput::removeWork);
    } catch (IOException e) {
      throw new InputException("%s cannot be removed: %s".formatted(stateFile, e), e);
    } finally {
      open.forEach(RowOutput::close);
    }
    return Collections.unmodifiableMap(counts);
  }

  private ConversionState state(Path stateFile) {
    String fingerprint = fingerprint();
    if (!Files.exists(stateFile)) {
      for (Path output : outputs) {
        if (Files.exists(output)) {
          throw new InputException(
              "output %s is there already: choose another, or remove it first".formatted(output));
        }
      }
      return new ConversionState(
          fingerprint, 0, 0, Collections.nCopies(outputs.size(), 0L), Map.of());
    }
    ConversionState state = ConversionState.read(stateFile);
    if (!state.fingerprint().equals(fingerprint) || state.bytes().size() != outputs.size()) {
      throw new InputException(
          "%s is of an unfinished conversion of other input files or settings: start that one again, or remove the file to begin anew"
              .formatted(stateFile));
    }
    return state;
  }

  private String fingerprint() {
    StringBuilder text = new StringBuilder(converter.settings());
    for (Path input : inputs) {
      try {
        text.append('|')
            .append(input.toAbsolutePath().normalize())
            .append(' ')
            .append(Files.size(input))
            .append(' ')
            .append(Files.getLastModifiedTime(input).toMillis());
      } catch (IOException e) {
        throw new InputException(
            "data file %s does not exist: give a .jsonl, .jsonl.gz or .parquet file"
                .formatted(input),
            e);
      }
    }
    return text.toString();
  }

  private void convert(int file, long done, List<RowOutput> open, Path stateFile) {
    long saved = System.nanoTime();
    long rows = 0;
    try (RowSource source = RowSource.open(inputs.get(file))) {
      while (rows < done && source.hasNext()) {
        next(source, false);
        rows++;
      }
      while (source.hasNext()) {
        List<Row> batch = new ArrayList<>();
        while (batch.size() < batchSize && source.hasNext()) {
          Row row = next(source, true);
          rows++;
          if (row != null) {
            batch.add(row);
          }
        }
        write(batch, open);
        if (System.nanoTime() - saved > SAVE_NANOS) {
          save(file, rows, open, stateFile);
          saved = System.nanoTime();
        }
        listener.progress(
            (file + source.share()) / inputs.size(), total(), counts.getOrDefault(BAD, 0L));
      }
    }
    save(file + 1, 0, open, stateFile);
  }

  /** The next row; null if it cannot be read. */
  private Row next(RowSource source, boolean report) {
    try {
      return source.next();
    } catch (InputException e) {
      if (report) {
        bad(e.getMessage());
      }
      return null;
    }
  }

  private void write(List<Row> batch, List<RowOutput> open) {
    List<Converted> results = converter.convert(batch);
    for (int i = 0; i < batch.size(); i++) {
      if (results.get(i) instanceof Converted.Rows converted) {
        for (ObjectNode row : converted.rows()) {
          open.get(converted.output()).write(row);
        }
        count(WRITTEN);
      } else if (results.get(i) instanceof Converted.Skipped skipped) {
        count(skipped.reason());
      } else if (results.get(i) instanceof Converted.Bad bad) {
        bad(bad.reason());
      }
    }
  }

  private void bad(String message) {
    count(BAD);
    listener.bad(message);
    if (counts.get(BAD) > maxBad) {
      throw new InputException(
          "%d bad rows, more than the limit of %d; the last: %s. Mend the file, or raise the limit."
              .formatted(counts.get(BAD), maxBad, message));
    }
  }

  private void count(String what) {
    counts.merge(what, 1L, Long::sum);
  }

  private long total() {
    return counts.values().stream().mapToLong(Long::longValue).sum();
  }

  private void save(int file, long rows, List<RowOutput> open, Path stateFile) {
    List<Long> bytes = open.stream().map(RowOutput::flush).toList();
    new ConversionState(fingerprint(), file, rows, bytes, counts).write(stateFile);
  }
}
