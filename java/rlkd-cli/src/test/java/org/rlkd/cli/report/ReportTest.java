package org.rlkd.cli.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.InputException;

class ReportTest {
  private static final String DATA = "<script type=\"application/json\" id=\"run-data\">";

  @TempDir private Path directory;

  private String page() throws IOException {
    Path target = directory.resolve("report.html");
    new Report(directory).write(target);
    return Files.readString(target);
  }

  private static JsonNode data(String page) throws IOException {
    int start = page.indexOf(DATA) + DATA.length();
    return new ObjectMapper().readTree(page.substring(start, page.indexOf("</script>", start)));
  }

  @Test
  void a_completion_that_closes_the_script_stays_data() throws IOException {
    String hostile = "</script><script>alert('x')</script> ${title} \u2028 é";
    Files.writeString(
        directory.resolve("completions.jsonl"),
        new ObjectMapper().createObjectNode().put("step", 1).put("completion", hostile).toString()
            + "\n");
    String page = page();
    assertThat(page).doesNotContain("<script>alert");
    assertThat(data(page).at("/completions/0/completion").asText()).isEqualTo(hostile);
  }

  @Test
  void the_page_loads_nothing_from_outside() throws IOException {
    Files.writeString(directory.resolve("metrics.jsonl"), "{\"step\": 1, \"reward\": 0.5}\n");
    assertThat(page()).contains("uPlot").doesNotContain(" src=").doesNotContain("<link");
  }

  @Test
  void a_line_that_the_run_is_still_writing_is_left_out_and_a_broken_one_before_it_is_named()
      throws IOException {
    Path metrics = directory.resolve("metrics.jsonl");
    Files.writeString(metrics, "{\"step\": 1, \"reward\": 0.5}\n{\"step\": 2, \"rew");
    assertThat(data(page()).get("metrics")).hasSize(1);
    Files.writeString(metrics, "{\"step\": 1, \"rew\n{\"step\": 2, \"reward\": 0.5}\n");
    assertThatThrownBy(this::page)
        .isInstanceOf(InputException.class)
        .hasMessageContaining("metrics.jsonl, line 1");
  }

  @Test
  void of_a_long_run_the_completions_of_evenly_spread_steps_stay_first_and_last_among_them()
      throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int step = 1; step <= 1000; step++) {
      lines.append("{\"step\": %d}%n{\"step\": %d}%n".formatted(step, step));
    }
    Files.writeString(directory.resolve("completions.jsonl"), lines);
    JsonNode completions = data(page()).get("completions");
    Set<Integer> steps = new TreeSet<>();
    completions.forEach(completion -> steps.add(completion.get("step").asInt()));
    assertThat(steps).hasSize(24).contains(1, 1000);
    assertThat(completions).hasSize(48);
  }

  @Test
  void a_directory_without_a_run_is_refused() {
    assertThatThrownBy(this::page)
        .isInstanceOf(InputException.class)
        .hasMessageContaining("holds no run");
  }
}
