package org.rlkd.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.rlkd.core.InputException;

/**
 * A run of the benchmarks.
 *
 * @param version of librlkd
 * @param date ISO 8601, UTC
 */
public record Results(
    Machine machine, String version, String date, List<Measurement> measurements) {
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  /** Reads what {@link #write} wrote. */
  public static Results read(Path file) {
    try {
      Results results = JSON.readValue(file.toFile(), Results.class);
      if (results.machine == null || results.measurements == null) {
        throw new InputException(
            "%s has no machine or no measurements; expected a file that 'rlkd bench --json' wrote"
                .formatted(file));
      }
      return results;
    } catch (JsonProcessingException e) {
      throw new InputException(
          "%s is no run of 'rlkd bench': %s".formatted(file, e.getOriginalMessage()), e);
    } catch (NoSuchFileException | FileNotFoundException e) {
      throw new InputException(
          "%s does not exist; 'rlkd bench --json FILE' writes such a file".formatted(file), e);
    } catch (IOException e) {
      throw new InputException("%s cannot be read: %s".formatted(file, e), e);
    }
  }

  /** Writes JSON, and the table beside it in Markdown. */
  public void write(Path file) {
    try {
      if (file.toAbsolutePath().getParent() != null) {
        Files.createDirectories(file.toAbsolutePath().getParent());
      }
      JSON.writeValue(file.toFile(), this);
      Files.writeString(markdown(file), table());
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(file, e), e);
    }
  }

  /** The Markdown file that belongs to a JSON file. */
  static Path markdown(Path json) {
    return json.resolveSibling(json.getFileName().toString().replaceFirst("\\.json$", "") + ".md");
  }

  /** The figures as Markdown. */
  public String table() {
    StringBuilder text = new StringBuilder();
    text.append("%s. rlkd %s, %s.%n".formatted(machine, version, date));
    text.append(
        "Limit: the slower of a triad (%s GB/s here) and a 1024 x 1024 product (%s GFLOP/s), measured in the JVM of each benchmark.%n%n"
            .formatted(
                range(
                    measurements.stream()
                        .mapToDouble(m -> m.triadBytesPerSecond() * 1e-9)
                        .toArray()),
                range(
                    measurements.stream()
                        .mapToDouble(m -> m.gemmFlopsPerSecond() * 1e-9)
                        .toArray())));
    text.append("| benchmark | median | min | achieved | of the limit | heap per operation |\n");
    text.append("|---|---|---|---|---|---|\n");
    for (Measurement m : measurements) {
      text.append(
          "| %s | %s | %s | %s | %.0f %% | %s |%n"
              .formatted(
                  m.label(),
                  seconds(m.medianSeconds()),
                  seconds(m.minSeconds()),
                  achieved(m),
                  100 * m.shareOfLimit(),
                  allocation(m)));
    }
    return text.toString();
  }

  private static String range(double[] values) {
    double least = Arrays.stream(values).min().orElse(Double.NaN);
    double most = Arrays.stream(values).max().orElse(Double.NaN);
    return "%.1f to %.1f".formatted(least, most);
  }

  private static String achieved(Measurement m) {
    double seconds = m.medianSeconds();
    String rate =
        m.work().flops() > 0
            ? "%.1f GFLOP/s".formatted(m.work().flops() / seconds * 1e-9)
            : "%.1f GB/s".formatted(m.work().bytes() / seconds * 1e-9);
    return m.work().tokens() > 0
        ? rate + ", %.0f tokens/s".formatted(m.work().tokens() / seconds)
        : rate;
  }

  private static String allocation(Measurement m) {
    String bytes = "%.0f B".formatted(m.allocatedBytes());
    return m.work().tokens() > 0
        ? bytes + " (%.0f a token)".formatted(m.allocatedBytes() / m.work().tokens())
        : bytes;
  }

  static String seconds(double seconds) {
    if (seconds < 1e-3) {
      return "%.1f us".formatted(seconds * 1e6);
    }
    return seconds < 1 ? "%.2f ms".formatted(seconds * 1e3) : "%.2f s".formatted(seconds);
  }
}
