import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.engine.PretrainedModel;
import org.rlkd.engine.generation.Completion;
import org.rlkd.engine.generation.GenerationListener;
import org.rlkd.engine.generation.GenerationRequest;
import org.rlkd.engine.generation.Generator;
import org.rlkd.engine.generation.GeneratorOptions;
import org.rlkd.engine.generation.SamplingParameters;
import org.rlkd.engine.tokenizer.PromptEncoder;

/**
 * Samples two completions of each prompt, all in one batch. A PEFT directory in place of a model's
 * is merged into its base.
 *
 * <pre>java -cp CLASSPATH examples/java/Generate.java MODEL PROMPT...</pre>
 */
public final class Generate {
  public static void main(String[] arguments) {
    try (PretrainedModel pretrained = PretrainedModel.load(Path.of(arguments[0]))) {
      pretrained.model().setTrainable(false); // no gradients are wanted
      Generator generator =
          new Generator(pretrained.model(), pretrained.tokenizer(), GeneratorOptions.DEFAULT);
      PromptEncoder encoder = new PromptEncoder(pretrained.tokenizer(), Map.of());
      List<String> prompts = List.of(arguments).subList(1, arguments.length);
      List<GenerationRequest> requests =
          prompts.stream()
              .map(text -> new GenerationRequest(tokens(encoder, text), 2, text.hashCode()))
              .toList();
      SamplingParameters sampling =
          SamplingParameters.sample(64)
              .withTemperature(0.7)
              .withTopP(0.95)
              .withEosTokenIds(Set.copyOf(pretrained.tokenizer().specialTokens().eosIds()))
              .withSeed(7); // the same texts each time, whatever else is in the batch
      List<List<Completion>> completions =
          generator.generate(requests, sampling, 0, GenerationListener.NONE);
      for (int i = 0; i < prompts.size(); i++) {
        for (Completion completion : completions.get(i)) {
          System.out.printf(
              "%s -> %s [%s, %d tokens, the first with log p %.2f]%n",
              prompts.get(i),
              pretrained.tokenizer().decode(completion.tokens(), true).strip(),
              completion.finishReason(),
              completion.length(),
              completion.logprobs()[0]);
        }
      }
    }
  }

  /** In the model's chat template, if it has one. */
  private static int[] tokens(PromptEncoder encoder, String prompt) {
    return encoder.encode(List.of(new ChatMessage("user", prompt))).tokens();
  }
}
