package org.rlkd.cli.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.rlkd.core.InputException;

/**
 * One self-contained HTML page about a run directory: before/after table, time split, curves, and
 * completions with student and teacher structures side by side.
 *
 * <p>Reads {@code metrics.jsonl}, {@code completions.jsonl} and {@code summary.json}, each where it
 * exists, and needs no network when opened. Of a long run it keeps the completions of at most
 * {@value #COMPLETION_STEPS} steps, evenly spread, the last one included.
 */
public final class Report {
  private static final int COMPLETION_STEPS = 24;
  private static final Pattern PLACEHOLDER = Pattern.compile("\\$\\{([a-z.]+)}");
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path runDirectory;

  public Report(Path runDirectory) {
    this.runDirectory = runDirectory;
  }

  /**
   * Writes the page.
   *
   * @param target the HTML file, replaced if it exists
   * @throws InputException if the run directory holds nothing to report or the page cannot be
   *     written
   */
  public void write(Path target) {
    List<JsonNode> metrics = jsonLines("metrics.jsonl");
    List<JsonNode> completions = spread(jsonLines("completions.jsonl"));
    JsonNode summary = summary();
    if (metrics.isEmpty() && completions.isEmpty() && summary.isMissingNode()) {
      throw new InputException(
          "%s holds no run: none of metrics.jsonl, completions.jsonl and summary.json is there. "
                  .formatted(runDirectory)
              + "Give the output directory of a training run.");
    }
    ObjectNode data = JSON.createObjectNode();
    data.set("summary", summary.isMissingNode() ? JSON.nullNode() : summary);
    data.set("metrics", array(metrics));
    data.set("completions", array(completions));
    try {
      Files.writeString(target, page(data, summary));
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be written: %s. Choose another file with --out.".formatted(target, e), e);
    }
  }

  private String page(ObjectNode data, JsonNode summary) {
    Map<String, String> parts =
        Map.of(
            "title", escape("rlkd: " + runDirectory.toAbsolutePath().normalize().getFileName()),
            "subtitle", escape(subtitle(summary)),
            "data", script(data),
            "uplot.css", webjar("uPlot.min.css"),
            "uplot.js", webjar("uPlot.iife.min.js"),
            "report.css", resource("report.css"),
            "report.js", resource("report.js"));
    return PLACEHOLDER
        .matcher(resource("report.html"))
        .replaceAll(match -> Matcher.quoteReplacement(parts.get(match.group(1))));
  }

  private static String subtitle(JsonNode summary) {
    StringBuilder line = new StringBuilder();
    if (summary.has("seed")) {
      line.append("seed ").append(summary.get("seed").asText());
    }
    if (summary.has("gsrm_step_accuracy")) {
      line.append(line.isEmpty() ? "" : " · ")
          .append(
              "decomposer exact on %.1f %% of held-out steps"
                  .formatted(100 * summary.get("gsrm_step_accuracy").asDouble()));
    }
    JsonNode versions = summary.path("versions");
    for (Map.Entry<String, JsonNode> version : versions.properties()) {
      line.append(line.isEmpty() ? "" : " · ")
          .append(version.getKey())
          .append(' ')
          .append(version.getValue().asText());
    }
    return line.toString();
  }

  private JsonNode summary() {
    Path file = runDirectory.resolve("summary.json");
    if (!Files.exists(file)) {
      return JSON.missingNode();
    }
    try {
      return JSON.readTree(file.toFile());
    } catch (IOException e) {
      throw new InputException("%s is not JSON: %s".formatted(file, e.getMessage()), e);
    }
  }

  /** The rows of a JSONL file; a torn last line (the run is still writing) is left out. */
  private List<JsonNode> jsonLines(String name) {
    Path file = runDirectory.resolve(name);
    List<JsonNode> rows = new ArrayList<>();
    if (!Files.exists(file)) {
      return rows;
    }
    try (BufferedReader reader = Files.newBufferedReader(file)) {
      int number = 0;
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        number++;
        if (line.isBlank()) {
          continue;
        }
        try {
          rows.add(JSON.readTree(line));
        } catch (JsonProcessingException e) {
          if (reader.read() >= 0) {
            throw new InputException(
                "%s, line %d is not JSON: %s".formatted(file, number, e.getOriginalMessage()), e);
          }
        }
      }
    } catch (IOException e) {
      throw new InputException("%s cannot be read: %s".formatted(file, e), e);
    }
    return rows;
  }

  private static List<JsonNode> spread(List<JsonNode> completions) {
    List<Long> steps =
        List.copyOf(
            new TreeSet<>(completions.stream().map(row -> row.path("step").asLong()).toList()));
    TreeSet<Long> kept = new TreeSet<>();
    int wanted = Math.min(COMPLETION_STEPS, steps.size());
    for (int i = 0; i < wanted; i++) {
      kept.add(
          wanted == 1
              ? steps.get(0)
              : steps.get((int) Math.round(i * (steps.size() - 1) / (wanted - 1.0))));
    }
    return completions.stream().filter(row -> kept.contains(row.path("step").asLong())).toList();
  }

  private static ArrayNode array(List<JsonNode> rows) {
    return JSON.createArrayNode().addAll(rows);
  }

  /** JSON that no HTML parser takes for the end of the script element that holds it. */
  private static String script(ObjectNode data) {
    try {
      return JSON.writeValueAsString(data).replace("<", "\\u003c");
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }

  private static String webjar(String file) {
    return read("/META-INF/resources/webjars/uplot/%s/dist/%s".formatted(uplotVersion(), file));
  }

  private static String uplotVersion() {
    Properties properties = new Properties();
    String path = "/META-INF/maven/org.webjars.npm/uplot/pom.properties";
    try (InputStream in = Report.class.getResourceAsStream(path)) {
      properties.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return properties.getProperty("version");
  }

  private static String resource(String name) {
    return read("/org/rlkd/cli/report/" + name);
  }

  private static String read(String path) {
    try (InputStream in = Report.class.getResourceAsStream(path)) {
      if (in == null) {
        throw new IllegalStateException("the resource " + path + " is missing from this build");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
