package org.rlkd.cli.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.cli.quickstart.QuickstartProgress;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.engine.generation.GenerationListener;
import org.rlkd.engine.training.StepListener;

class ExperimentTest {

  /** Records the stages that run. */
  private static final class Stages implements QuickstartProgress {
    final List<String> tasks = new ArrayList<>();
    String killedAt = "nothing";

    @Override
    public <T> T training(String task, String watched, Function<StepListener, T> work) {
      return record(task, () -> work.apply(StepListener.NONE));
    }

    @Override
    public <T> T generation(String task, long completions, Function<GenerationListener, T> work) {
      return record(task, () -> work.apply(GenerationListener.NONE));
    }

    private <T> T record(String task, Supplier<T> work) {
      if (task.equals(killedAt)) {
        throw new IllegalStateException("killed");
      }
      tasks.add(task);
      return work.get();
    }
  }

  private static Experiment experiment(Path out, Stages stages, String... arms) {
    return new Experiment(out, "small", List.of(0L), List.of(arms), stages);
  }

  @Test
  void a_killed_experiment_goes_on_with_the_arm_it_was_at_and_ends_as_one_that_was_not(
      @TempDir Path directory) throws IOException {
    Stages stages = new Stages();
    stages.killedAt = "seed 0, rlkd-no-gate, heldout";
    Path killed = directory.resolve("killed");
    assertThatThrownBy(() -> experiment(killed, stages, "grpo", "rlkd-no-gate").run())
        .hasMessage("killed");
    assertThat(stages.tasks).contains("cold start 2/3: full size", "seed 0, rlkd-no-gate");

    Stages resumed = new Stages();
    experiment(killed, resumed, "grpo", "rlkd-no-gate").run();
    assertThat(resumed.tasks)
        .containsExactly(
            "seed 0, rlkd-no-gate",
            "seed 0, rlkd-no-gate, heldout",
            "seed 0, rlkd-no-gate, longer");

    Path whole = directory.resolve("whole");
    experiment(whole, new Stages(), "grpo", "rlkd-no-gate").run();
    assertThat(scores(killed)).isEqualTo(scores(whole));
    assertThat(Files.readString(whole.resolve("table.md")))
        .contains("| SFT + GRPO | 1 |", "| SFT + RLKD, no gate | 1 |");
    assertThat(Files.readString(whole.resolve("plot.svg")))
        .startsWith("<svg ")
        .endsWith("</svg>\n");
  }

  /** summary.json without the times. */
  private static List<JsonNode> scores(Path out) throws IOException {
    List<JsonNode> scores = new ArrayList<>();
    for (JsonNode arm :
        new ObjectMapper().readTree(out.resolve("summary.json").toFile()).get("arms")) {
      scores.add(arm.get("held_out"));
      scores.add(arm.get("longer"));
    }
    return scores;
  }

  @Test
  void an_unknown_arm_is_refused_with_the_nearest_name(@TempDir Path directory) {
    assertThatThrownBy(() -> experiment(directory, new Stages(), "rlkd-tre"))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("rlkd-tree");
  }

  @Test
  void a_directory_of_another_size_is_refused(@TempDir Path directory) throws IOException {
    Files.writeString(directory.resolve("size.txt"), "full\n");
    assertThatThrownBy(() -> experiment(directory, new Stages(), "sft").run())
        .isInstanceOf(InputException.class)
        .hasMessageContaining("size full");
  }
}
