package org.rlkd.engine.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.DataConfig;
import org.rlkd.core.config.DataSearchPath;
import org.rlkd.core.config.EvaluationConfig;

/** The training and held-out files that a configuration names. */
final class DatasetFiles {
  private static final List<String> KINDS = List.of(".jsonl", ".jsonl.gz", ".parquet");

  private DatasetFiles() {}

  /**
   * The files, at least one: {@code rlkd.dataset_files}, the file {@code dataset_name}, or the
   * files of the directory {@code dataset_name} whose names hold {@code dataset_config} and {@code
   * dataset_train_split}, in the order of their names.
   */
  static List<Path> training(DataConfig data) {
    return data.files().isEmpty()
        ? ofSplit(data, data.trainSplit(), "dataset_train_split", "rlkd.dataset_files")
        : data.files().stream().map(Path::of).toList();
  }

  /**
   * The held-out files, at least one: {@code rlkd.eval_dataset_files}, or the files of the
   * directory {@code dataset_name} whose names hold {@code dataset_config} and {@code
   * dataset_test_split}.
   */
  static List<Path> heldOut(DataConfig data, EvaluationConfig evaluation) {
    if (!evaluation.files().isEmpty()) {
      return evaluation.files().stream().map(Path::of).toList();
    }
    if (data.datasetName().isEmpty() || !Files.isDirectory(Path.of(data.datasetName().get()))) {
      throw new UsageException(
          "evaluation during training needs held-out data: set rlkd.eval_dataset_files, or let"
              + " dataset_name be a directory with files of dataset_train_split and"
              + " dataset_test_split.");
    }
    return ofSplit(data, evaluation.testSplit(), "dataset_test_split", "rlkd.eval_dataset_files");
  }

  private static List<Path> ofSplit(
      DataConfig data, String split, String splitKey, String filesKey) {
    Path name =
        Path.of(
            data.datasetName()
                .orElseThrow(
                    () ->
                        new UsageException(
                            "no data: set dataset_name to a .jsonl, .jsonl.gz or .parquet file or a"
                                + " directory of them")));
    if (!Files.exists(name)) {
      throw new InputException(
          "dataset_name %s: there is no such file or directory, and rlkd downloads nothing. A relative name is looked for in %s. Give an existing .jsonl, .jsonl.gz or .parquet file, or a directory of them."
              .formatted(name, DataSearchPath.DESCRIPTION));
    }
    if (!Files.isDirectory(name)) {
      return List.of(name);
    }
    try (Stream<Path> entries = Files.list(name)) {
      List<Path> all = entries.filter(DatasetFiles::isData).sorted().toList();
      List<Path> chosen =
          all.stream()
              .filter(file -> holds(file, data.datasetConfig()))
              .filter(file -> holds(file, Optional.of(split)))
              .toList();
      if (chosen.isEmpty()) {
        throw new InputException(
            "dataset_name %s: none of its files %s has a name with%s '%s' in it. Set dataset_config or %s, or name the files in %s."
                .formatted(
                    name,
                    all.stream().map(Path::getFileName).toList(),
                    data.datasetConfig().map(word -> " '" + word + "' and").orElse(""),
                    split,
                    splitKey,
                    filesKey));
      }
      return chosen;
    } catch (IOException e) {
      throw new InputException("dataset_name %s cannot be listed: %s".formatted(name, e), e);
    }
  }

  private static boolean isData(Path file) {
    return KINDS.stream().anyMatch(kind -> file.getFileName().toString().endsWith(kind));
  }

  private static boolean holds(Path file, Optional<String> word) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return word.isEmpty() || name.contains(word.get().toLowerCase(Locale.ROOT));
  }
}
