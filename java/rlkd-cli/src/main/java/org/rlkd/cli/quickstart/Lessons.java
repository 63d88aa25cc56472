package org.rlkd.cli.quickstart;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.rlkd.core.InputException;
import org.rlkd.core.config.GrpoConfig;
import org.rlkd.core.config.SftConfig;

/**
 * The configurations of the quickstart's training stages, each kept as a YAML file that {@code rlkd
 * sft} or {@code rlkd train} takes as it is.
 */
public record Lessons(Path directory, Recipe recipe, long seed) {

  /**
   * A supervised lesson.
   *
   * @param name of the lesson and its file
   * @param rate peak learning rate
   * @param last whether the rate falls to a tenth, as at the end of a subject
   */
  SftConfig supervised(
      String name, Path model, Path data, Path output, int steps, double rate, boolean last) {
    Path file =
        write(
            name,
            """
            # rlkd sft --config FILE
            model_name_or_path: %s
            dataset_name: %s
            output_dir: %s
            per_device_train_batch_size: %d
            gradient_accumulation_steps: 1
            max_steps: %d
            learning_rate: %s
            lr_scheduler_type: %s
            warmup_steps: %d%s
            adam_beta1: 0.9
            adam_beta2: 0.98
            weight_decay: 0.1
            max_grad_norm: 1.0
            logging_steps: 10
            save_strategy: "no"
            seed: %d
            """
                .formatted(
                    quoted(model),
                    quoted(data),
                    quoted(output),
                    Recipe.BATCH,
                    steps,
                    rate,
                    last ? "cosine_with_min_lr" : "constant_with_warmup",
                    Math.min(50, steps / 2),
                    last ? "\nlr_scheduler_kwargs: {min_lr_rate: 0.1}" : "",
                    seed));
    return SftConfig.load(Optional.of(file), List.of());
  }

  /** The structure reward of an RL run: its decomposer and its form. */
  public record StructureReward(Path gsrm, StructureRecipe recipe) {}

  /**
   * An RL run: accuracy, format and tag_count, weighted 15, 10, 10, and structure with 15.
   *
   * @param name of its file
   * @param structure null = no structure reward: plain GRPO
   */
  public GrpoConfig reinforcement(
      String name, Path model, Path data, Path output, StructureReward structure) {
    Path file =
        write(
            name,
            """
            # rlkd train --config FILE
            model_name_or_path: %s
            dataset_name: %s
            output_dir: %s
            reward_funcs: [accuracy, format, tag_count%s]
            reward_weights: [15, 10, 10%s]
            loss_type: dapo
            beta: 0.0
            epsilon: 0.2
            scale_rewards: group
            num_generations: %d
            per_device_train_batch_size: %d
            gradient_accumulation_steps: 1
            max_completion_length: %d
            temperature: 1.0
            max_steps: %d
            learning_rate: %s
            lr_scheduler_type: constant_with_warmup
            warmup_steps: 3
            adam_beta2: 0.99
            weight_decay: 0.0
            max_grad_norm: 1.0
            logging_steps: 1
            log_completions: true
            save_strategy: "no"
            seed: %d
            %s"""
                .formatted(
                    quoted(model),
                    quoted(data),
                    quoted(output),
                    structure == null ? "" : ", structure",
                    structure == null ? "" : ", 15",
                    recipe.completions(),
                    recipe.prompts() * recipe.completions(),
                    Recipe.MAX_COMPLETION,
                    recipe.rlSteps(),
                    recipe.rlRate(),
                    seed,
                    structure == null ? "" : gsrm(structure)));
    return GrpoConfig.load(Optional.of(file), List.of());
  }

  private static String gsrm(StructureReward structure) {
    return """
        rlkd:
          gsrm:
            decomposer: %s
            judge: lexical
            alignment: %s
            normalize: %s
            gap_decay: %s
            gate: %s
        """
        .formatted(
            quoted(structure.gsrm()),
            structure.recipe().alignment(),
            structure.recipe().normalize(),
            structure.recipe().gapDecay(),
            structure.recipe().gate());
  }

  private Path write(String name, String yaml) {
    Path file = directory.resolve(name + ".yaml");
    try {
      Files.createDirectories(directory);
      return Files.writeString(file, yaml);
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(file, e), e);
    }
  }

  /** A path as a YAML string. */
  private static String quoted(Path path) {
    return "'" + path.toString().replace("'", "''") + "'";
  }
}
