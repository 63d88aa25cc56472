package org.rlkd.core.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * How conversations become text.
 *
 * @param template Jinja source in place of the model's own; given as such, or as the path of a
 *     {@code .jinja} file
 * @param systemPrompt a system message put before every prompt (GRPO)
 * @param templateVariables {@code chat_template_kwargs}: further variables of the template ({@code
 *     enable_thinking})
 */
public record ChatConfig(
    Optional<String> template,
    Optional<String> systemPrompt,
    Map<String, Object> templateVariables) {

  static ChatConfig read(
      Values values, Optional<String> systemPrompt, Key<Optional<Map<String, Object>>> variables) {
    Optional<String> template = values.get(TrainingKeys.CHAT_TEMPLATE);
    if (template.isPresent() && template.get().strip().endsWith(".jinja")) {
      template = readFile(values, TrainingKeys.CHAT_TEMPLATE, Path.of(template.get().strip()));
    }
    return new ChatConfig(template, systemPrompt, values.get(variables).orElse(Map.of()));
  }

  /** The template of a {@code .jinja} file or of a model directory. */
  static Optional<String> readFile(Values values, Key<Optional<String>> key, Path path) {
    Path file = Files.isDirectory(path) ? path.resolve("chat_template.jinja") : path;
    try {
      return Optional.of(Files.readString(file));
    } catch (IOException e) {
      values.complain(
          key, "cannot read " + file + " (" + e + "); expected a file with a Jinja chat template");
      return Optional.empty();
    }
  }
}
