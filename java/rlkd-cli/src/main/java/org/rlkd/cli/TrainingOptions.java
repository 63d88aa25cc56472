package org.rlkd.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.rlkd.core.InputException;
import picocli.CommandLine.Option;

/** The options that both training commands have. */
final class TrainingOptions {
  @Option(
      names = "--config",
      required = true,
      paramLabel = "FILE",
      description = "YAML with TRL's keys; ours are under rlkd:")
  private Path config;

  @Option(names = "--model", paramLabel = "DIR", description = "In place of model_name_or_path.")
  private Path model;

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description = "File or directory in place of dataset_name.")
  private Path data;

  @Option(names = "--out", paramLabel = "DIR", description = "In place of output_dir.")
  private Path out;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      description = "cpu, cuda or cuda:INDEX, in place of rlkd.device.")
  private String device;

  @Option(
      names = "--memory-budget",
      paramLabel = "SIZE",
      description = "Memory that the run may have, such as 4GiB, in place of rlkd.memory.budget.")
  private String memoryBudget;

  @Option(
      names = "--resume",
      description = "Continue from the newest checkpoint of the output directory.")
  private boolean resume;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Overrides a key of the file; nested keys with dots. May be repeated.")
  private List<String> settings = List.of();

  /** The configuration file. */
  Optional<Path> file() {
    if (!Files.isRegularFile(config)) {
      throw new InputException(
          "--config %s: there is no such file, expected a YAML configuration".formatted(config));
    }
    return Optional.of(config);
  }

  /** What the command line overrides, as {@code key=value}. */
  List<String> settings() {
    List<String> all = new ArrayList<>(settings);
    if (model != null) {
      all.add("model_name_or_path=" + model);
    }
    if (data != null) {
      all.add("dataset_name=" + data);
    }
    if (out != null) {
      all.add("output_dir=" + out);
    }
    if (device != null) {
      all.add("rlkd.device=" + device);
    }
    if (memoryBudget != null) {
      all.add("rlkd.memory.budget=" + memoryBudget);
    }
    if (resume) {
      all.add("resume_from_checkpoint=true");
    }
    return all;
  }
}
