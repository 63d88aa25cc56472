package org.rlkd.core.config;

import java.util.List;
import java.util.Optional;

/**
 * Where rows come from. Relative names are looked for in the places of {@link DataSearchPath}; a
 * name that is nowhere stays as it was given.
 *
 * @param datasetName {@code dataset_name}: a local file or directory; rlkd downloads nothing
 * @param datasetConfig {@code dataset_config}: a word of the names of the files to take from a
 *     directory ({@code socratic})
 * @param trainSplit {@code dataset_train_split}: likewise, for training
 * @param files {@code rlkd.dataset_files}: the training files one by one, in place of {@code
 *     dataset_name}
 * @param column {@code dataset_prompt_column} (GRPO; empty: the first that is there of the usual
 *     ones) or {@code dataset_text_field} (SFT)
 */
public record DataConfig(
    Optional<String> datasetName,
    Optional<String> datasetConfig,
    String trainSplit,
    List<String> files,
    Optional<String> column) {

  static DataConfig read(Values values, Key<Optional<String>> column) {
    Optional<String> name = values.get(TrainingKeys.DATASET);
    List<String> files = values.get(TrainingKeys.DATASET_FILES);
    if (name.isPresent() && !files.isEmpty()) {
      values.complain(TrainingKeys.DATASET_FILES, "give either this or dataset_name, not both");
    }
    return new DataConfig(
        name.map(values.dataSearchPath()::resolve),
        values.get(TrainingKeys.DATASET_CONFIG),
        values.get(TrainingKeys.TRAIN_SPLIT),
        files.stream().map(values.dataSearchPath()::resolve).toList(),
        values.get(column));
  }
}
