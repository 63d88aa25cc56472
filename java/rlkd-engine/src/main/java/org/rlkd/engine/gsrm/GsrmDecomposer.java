package org.rlkd.engine.gsrm;

import java.nio.file.Files;
import java.nio.file.Path;
import org.rlkd.core.InputException;
import org.rlkd.core.config.DecomposerConfig;
import org.rlkd.core.config.GsrmConfig;
import org.rlkd.core.endpoint.ChatEndpoint;
import org.rlkd.core.gsrm.Decomposer;
import org.rlkd.core.gsrm.DecompositionPrompt;
import org.rlkd.core.gsrm.EndpointDecomposer;
import org.rlkd.core.gsrm.SocraticDecomposer;
import org.rlkd.core.gsrm.TagDecomposer;
import org.rlkd.engine.PretrainedModel;
import org.rlkd.engine.tensor.Device;

/** The decomposer of a configuration with what it holds open: a model, or a server's client. */
public final class GsrmDecomposer implements AutoCloseable {
  private final Decomposer decomposer;
  private final AutoCloseable resource;

  private GsrmDecomposer(Decomposer decomposer, AutoCloseable resource) {
    this.decomposer = decomposer;
    this.resource = resource;
  }

  /**
   * Opens a decomposer by its configuration.
   *
   * @param device where a model runs
   * @throws InputException if a model's directory or a prompt file cannot be read
   * @throws org.rlkd.core.UsageException if an endpoint's key is not set
   */
  public static GsrmDecomposer open(GsrmConfig config, Device device) {
    DecomposerConfig options = config.decomposing();
    String name = config.decomposer().orElse("tagged");
    return switch (name) {
      case "tagged" -> new GsrmDecomposer(new TagDecomposer(), () -> {});
      case "gsm8k-socratic" -> new GsrmDecomposer(new SocraticDecomposer(), () -> {});
      case "endpoint" -> {
        ChatEndpoint endpoint = new ChatEndpoint(options.endpoint().orElseThrow(), System.getenv());
        yield new GsrmDecomposer(
            new EndpointDecomposer(
                endpoint, prompt(options), options.maxTokens(), options.attempts()),
            endpoint);
      }
      default -> generative(Path.of(name), options, device);
    };
  }

  private static GsrmDecomposer generative(
      Path directory, DecomposerConfig options, Device device) {
    if (!Files.isDirectory(directory)) {
      throw new InputException(
          "rlkd.gsrm.decomposer: '%s' is neither tagged, gsm8k-socratic or endpoint nor the directory of a model"
              .formatted(directory));
    }
    GsrmSettings settings =
        GsrmSettings.load(
            directory,
            new GsrmSettings(
                GsrmSettings.Split.TEXT, null, options.maxTokens(), options.attempts()));
    DecompositionPrompt prompt = prompt(options);
    PretrainedModel model = PretrainedModel.load(directory, device);
    if (settings.prompt() == null && model.tokenizer().chatTemplate().isEmpty()) {
      model.close();
      throw new InputException(
          "%s is not a decomposer: it has neither %s, which the GSRM training writes, nor a chat template"
              .formatted(directory, GsrmSettings.FILE));
    }
    model.model().setTrainable(false);
    String id =
        "%s:%s:%d:%d"
            .formatted(
                ModelIdentity.of(directory),
                settings.prompt() == null ? prompt.contentHash() : "own-prompt",
                settings.maxNewTokens(),
                settings.attempts());
    return new GsrmDecomposer(
        new GenerativeDecomposer(id, model.model(), model.tokenizer(), settings, prompt), model);
  }

  private static DecompositionPrompt prompt(DecomposerConfig options) {
    return options
        .prompt()
        .map(file -> DecompositionPrompt.read(Path.of(file)))
        .orElseGet(() -> DecompositionPrompt.of(options.domain()));
  }

  /** Runs on the thread that called {@link #open}. */
  public Decomposer decomposer() {
    return decomposer;
  }

  @Override
  public void close() {
    GsrmJudge.close(resource);
  }
}
