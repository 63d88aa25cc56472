package org.rlkd.engine.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.RunConfig;
import org.rlkd.core.config.SftConfig;
import org.rlkd.engine.training.metrics.MetricSink;

class RunDirectoryTest {
  @TempDir private Path output;

  private RunConfig config(String... settings) {
    List<String> all = new ArrayList<>(List.of(settings));
    all.add("output_dir=" + output);
    return SftConfig.load(Optional.empty(), all).run();
  }

  private Path checkpoint(int step) throws IOException {
    return Files.createDirectories(output.resolve("checkpoint-" + step));
  }

  @Test
  void a_new_run_is_refused_where_an_earlier_one_left_checkpoints() throws IOException {
    Path earlier = checkpoint(9);
    assertThatThrownBy(() -> RunDirectory.open(config()))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("overwrite_output_dir: true");
    assertThat(earlier).exists();
  }

  @Test
  void an_overwriting_run_keeps_the_earlier_checkpoints_until_its_first_step() throws IOException {
    Path earlier = checkpoint(9);
    RunConfig config = config("overwrite_output_dir=true");
    try (RunDirectory directory = RunDirectory.open(config);
        MetricSink metrics = directory.metrics()) {
      assertThat(earlier).exists();
      metrics.write(1, Map.of("loss", 1.0));
      assertThat(earlier).doesNotExist();
      Path own = checkpoint(1);
      metrics.write(2, Map.of("loss", 1.0));
      assertThat(own).exists();
    }
  }

  @Test
  void a_resumed_run_goes_on_from_the_newest_checkpoint_and_keeps_all() throws IOException {
    Path older = checkpoint(2);
    Path newest = checkpoint(10);
    try (RunDirectory directory = RunDirectory.open(config("resume_from_checkpoint=true"));
        MetricSink metrics = directory.metrics()) {
      assertThat(directory.resumedFrom()).contains(newest);
      assertThat(directory.firstStep()).isEqualTo(10);
      metrics.write(11, Map.of("loss", 1.0));
      assertThat(older).exists();
    }
  }
}
