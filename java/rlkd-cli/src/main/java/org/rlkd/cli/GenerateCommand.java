package org.rlkd.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.data.Problem;
import org.rlkd.core.data.ProblemColumns;
import org.rlkd.core.data.ProblemReader;
import org.rlkd.engine.PretrainedModel;
import org.rlkd.engine.generation.Completion;
import org.rlkd.engine.generation.GenerationListener;
import org.rlkd.engine.generation.GenerationRequest;
import org.rlkd.engine.generation.Generator;
import org.rlkd.engine.generation.GeneratorOptions;
import org.rlkd.engine.tokenizer.PromptEncoder;
import org.rlkd.engine.tokenizer.Tokenizer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code rlkd generate}: completions of a prompt, a chat, standard input or a file. */
@Command(
    name = "generate",
    description = {
      "Samples completions.",
      "The prompt is --prompt, or standard input, or every row of --input (JSONL or Parquet: prompt,"
          + " problem, question or messages). One prompt prints plain text; --input prints a JSON line"
          + " for each row."
    },
    mixinStandardHelpOptions = true)
final class GenerateCommand implements Runnable {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Mixin private ModelOptions model;
  @Mixin private SamplingOptions sampling;

  @Option(names = "--prompt", paramLabel = "TEXT", description = "Default: standard input.")
  private String prompt;

  @Option(names = "--input", paramLabel = "FILE", description = "JSONL or Parquet with prompts.")
  private Path input;

  @Option(names = "--out", paramLabel = "FILE", description = "Default: standard output.")
  private Path out;

  @Option(names = "--chat", description = "Put the prompt into the model's chat template.")
  private boolean chat;

  @Option(names = "--system", paramLabel = "TEXT", description = "System message; implies --chat.")
  private String system;

  @Option(names = "--samples", defaultValue = "1", description = "Completions for each prompt.")
  private int samples;

  @Override
  public void run() {
    if (prompt != null && input != null) {
      throw new UsageException("--prompt and --input: give one of them");
    }
    if (samples < 1) {
      throw new UsageException("--samples %d: expected at least 1".formatted(samples));
    }
    try (PretrainedModel pretrained = model.load()) {
      List<Prompt> prompts = input == null ? List.of(single(pretrained)) : read(pretrained);
      List<GenerationRequest> requests = new ArrayList<>();
      for (int i = 0; i < prompts.size(); i++) {
        requests.add(new GenerationRequest(prompts.get(i).tokens, samples, i));
      }
      Generator generator =
          new Generator(pretrained.model(), pretrained.tokenizer(), GeneratorOptions.DEFAULT);
      try (LineOutput lines = LineOutput.to(out)) {
        List<List<Completion>> completions;
        try (Progress progress =
            new Progress("generate", (long) requests.size() * samples, "completions")) {
          GenerationListener listener = progress.generation();
          completions =
              generator.generate(requests, sampling.parameters(pretrained, 1), 0, listener);
        }
        for (int i = 0; i < prompts.size(); i++) {
          if (input == null) {
            for (Completion completion : completions.get(i)) {
              lines.writeText(pretrained.tokenizer().decode(completion.tokens(), true));
            }
          } else {
            lines.write(line(prompts.get(i), completions.get(i), pretrained.tokenizer()));
          }
        }
        lines.complete();
      }
    }
  }

  /** A prompt with the id of its row. */
  private record Prompt(String id, int[] tokens) {}

  private Prompt single(PretrainedModel pretrained) {
    String text = prompt;
    if (text == null) {
      try {
        text = new String(System.in.readAllBytes(), StandardCharsets.UTF_8).stripTrailing();
      } catch (IOException e) {
        throw new InputException("standard input cannot be read: " + e, e);
      }
    }
    if (text.isBlank()) {
      throw new UsageException("the prompt is empty: give --prompt, --input or standard input");
    }
    if (!chat && system == null) {
      return new Prompt("", pretrained.tokenizer().encode(text));
    }
    List<ChatMessage> messages = new ArrayList<>();
    if (system != null) {
      messages.add(new ChatMessage("system", system));
    }
    messages.add(new ChatMessage("user", text));
    return new Prompt("", pretrained.tokenizer().encodeChat(messages, true, Map.of()));
  }

  private List<Prompt> read(PretrainedModel pretrained) {
    ProblemReader reader = new ProblemReader(new ProblemColumns(null, system, false));
    PromptEncoder encoder = new PromptEncoder(pretrained.tokenizer(), Map.of());
    List<Prompt> prompts = new ArrayList<>();
    for (Problem problem : reader.readAll(input)) {
      boolean plain = !chat && problem.messages().size() == 1;
      int[] tokens =
          plain
              ? pretrained.tokenizer().encode(problem.messages().get(0).content())
              : encoder.encode(problem.messages()).tokens();
      prompts.add(new Prompt(problem.id(), tokens));
    }
    return prompts;
  }

  private static ObjectNode line(Prompt prompt, List<Completion> completions, Tokenizer tokenizer) {
    ObjectNode line = JSON.createObjectNode().put("id", prompt.id);
    ArrayNode list = line.putArray("completions");
    for (Completion completion : completions) {
      ObjectNode node = list.addObject();
      node.put("text", tokenizer.decode(completion.tokens(), true));
      node.put("finish_reason", completion.finishReason().name().toLowerCase(Locale.ROOT));
      node.set("tokens", JSON.valueToTree(completion.tokens()));
      node.set("logprobs", JSON.valueToTree(completion.logprobs()));
    }
    return line;
  }
}
