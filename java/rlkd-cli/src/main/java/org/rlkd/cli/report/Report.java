package org.rlkd.cli.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.rlkd.core.InputException;

/**
 * One self-contained HTML page about a run directory: before/after table, time split, curves, and
 * completions with student and teacher structures side by side.
 *
 * <p>Reads {@code metrics.jsonl}, {@code completions.jsonl} and {@code summary.json}, each where it
 * exists, and needs no network when opened. Of a long run it keeps the completions of at most 24
 * steps, evenly spread, the last one included.
 */
public final class Report {
  private static final Pattern PLACEHOLDER = Pattern.compile("\\$\\{([a-z.]+)}");
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path runDirectory;
  private final RunData run;

  public Report(Path runDirectory) {
    this.runDirectory = runDirectory;
    this.run = new RunData(runDirectory);
  }

  /**
   * Writes the page.
   *
   * @param target the HTML file, replaced if it exists
   * @throws InputException if the run directory holds nothing to report or the page cannot be
   *     written
   */
  public void write(Path target) {
    run.refresh();
    if (run.isEmpty()) {
      throw new InputException(
          "%s holds no run: none of metrics.jsonl, completions.jsonl and summary.json is there. "
                  .formatted(runDirectory)
              + "Give the output directory of a training run.");
    }
    try {
      Files.writeString(target, page(false));
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be written: %s. Choose another file with --out.".formatted(target, e), e);
    }
  }

  /** The page as it stands, which asks for what is new. */
  synchronized String livePage() {
    run.refresh();
    return page(true);
  }

  /**
   * What the page draws.
   *
   * @param query {@code version=V} of what the page has, or null
   * @return null if there is nothing newer
   */
  synchronized String dataSince(String query) {
    run.refresh();
    return ("version=" + run.version()).equals(query) ? null : write(run.json());
  }

  private String page(boolean live) {
    Map<String, String> parts =
        Map.of(
            "title", escape("rlkd: " + runDirectory.toAbsolutePath().normalize().getFileName()),
            "subtitle", escape(subtitle(run.summary())),
            "data", script(run.json()),
            "live", Boolean.toString(live),
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

  /** JSON that no HTML parser takes for the end of the script element that holds it. */
  private static String script(ObjectNode data) {
    return write(data).replace("<", "\\u003c");
  }

  private static String write(ObjectNode data) {
    try {
      return JSON.writeValueAsString(data);
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
