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

/** The training files that a {@link DataConfig} names. */
final class DatasetFiles {
  private static final List<String> KINDS = List.of(".jsonl", ".jsonl.gz", ".parquet");

  private DatasetFiles() {}

  /**
   * The files, at least one: {@code rlkd.dataset_files}, the file {@code dataset_name}, or the
   * files of the directory {@code dataset_name} whose names hold {@code dataset_config} and {@code
   * dataset_train_split}, in the order of their names.
   */
  static List<Path> training(DataConfig data) {
    if (!data.files().isEmpty()) {
      return data.files().stream().map(Path::of).toList();
    }
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
              .filter(file -> holds(file, Optional.of(data.trainSplit())))
              .toList();
      if (chosen.isEmpty()) {
        throw new InputException(
            "dataset_name %s: none of its files %s has a name with%s '%s' in it. Set dataset_config or dataset_train_split, or name the files in rlkd.dataset_files."
                .formatted(
                    name,
                    all.stream().map(Path::getFileName).toList(),
                    data.datasetConfig().map(word -> " '" + word + "' and").orElse(""),
                    data.trainSplit()));
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
