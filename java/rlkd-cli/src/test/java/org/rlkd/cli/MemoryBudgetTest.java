package org.rlkd.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryBudgetTest {
  @TempDir Path folder;

  @Test
  void a_run_that_cannot_fit_is_refused_before_its_first_step_and_one_that_fits_keeps_the_budget() {
    TinyStudent.write(folder.resolve("base"));
    TinyStudent.write(folder.resolve("solutions.jsonl"), TinyStudent.solutions(8));
    TinyStudent.write(
        folder.resolve("sft.yaml"),
        """
        max_steps: 2
        packing: true
        max_length: 64
        gradient_checkpointing: true
        per_device_train_batch_size: 4
        logging_steps: 1
        save_strategy: "no"
        """);
    CapturedRun refused = sft("10MiB");
    assertThat(refused.exitCode()).isEqualTo(2);
    assertThat(refused.err())
        .contains("rlkd.memory.budget: found 10 MiB, expected at least ")
        .contains("optimizer state (2 moments)");
    assertThat(folder.resolve("tuned/model.safetensors")).doesNotExist();

    CapturedRun fits = sft("1GiB");
    assertThat(fits.exitCode()).as(fits.err()).isZero();
    assertThat(folder.resolve("tuned/model.safetensors")).exists();
  }

  private CapturedRun sft(String budget) {
    return CapturedRun.of(
        "sft",
        "--config",
        folder.resolve("sft.yaml").toString(),
        "--model",
        folder.resolve("base").toString(),
        "--data",
        folder.resolve("solutions.jsonl").toString(),
        "--out",
        folder.resolve("tuned").toString(),
        "--memory-budget",
        budget);
  }
}
