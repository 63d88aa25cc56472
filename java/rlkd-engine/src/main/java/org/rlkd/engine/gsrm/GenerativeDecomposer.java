package org.rlkd.engine.gsrm;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.rlkd.core.gsrm.Decomposer;
import org.rlkd.core.gsrm.DecomposerOutput;
import org.rlkd.core.gsrm.Decomposition;
import org.rlkd.core.gsrm.DecompositionPrompt;
import org.rlkd.core.gsrm.Domain;
import org.rlkd.core.gsrm.Reasoning;
import org.rlkd.core.gsrm.Step;
import org.rlkd.core.gsrm.Structure;
import org.rlkd.engine.generation.Completion;
import org.rlkd.engine.generation.GenerationRequest;
import org.rlkd.engine.generation.Generator;
import org.rlkd.engine.generation.GeneratorOptions;
import org.rlkd.engine.generation.SamplingParameters;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.tokenizer.PromptEncoder;
import org.rlkd.engine.tokenizer.Tokenizer;

/**
 * The generative half of the GSRM (arXiv 2505.16142, section 3): a language model that writes the
 * steps of a reasoning in {@code [sub-think] [Query] [Answer]} tags.
 *
 * <p>All reasonings of a call are decomposed in one batch, equal pieces once, and the most recent
 * pieces are remembered, 32 MiB of them: completions repeat sentences from step to step. Output
 * that does not parse is tried again, sampled with the attempt's own random numbers, up to the
 * settings' attempts. The output for a piece depends on the piece alone, so remembering changes
 * nothing.
 *
 * <p>Runs on the thread that owns the model; model and tokenizer stay the caller's.
 */
public final class GenerativeDecomposer implements Decomposer {
  /** Some thirty thousand sentences. */
  private static final long REMEMBERED_BYTES = 32L << 20;

  /** Temperature of the attempts after the first, greedy one. */
  private static final double RETRY_TEMPERATURE = 0.7;

  private final String id;
  private final Tokenizer tokenizer;
  private final Generator generator;
  private final GsrmSettings settings;
  private final DecompositionPrompt chat;
  private final Set<Integer> eosTokenIds;
  private final int maxNewTokens;
  private final int longestPrompt;

  private final RecentDecompositions remembered = new RecentDecompositions(REMEMBERED_BYTES);

  /**
   * A decomposer over a model.
   *
   * @param id identifies the weights and the settings, see {@link Decomposer#id}
   * @param chat the conversation, where the settings have no prompt of their own
   */
  public GenerativeDecomposer(
      String id,
      CausalLm model,
      Tokenizer tokenizer,
      GsrmSettings settings,
      DecompositionPrompt chat) {
    this.id = id;
    this.tokenizer = tokenizer;
    this.generator = new Generator(model, tokenizer, GeneratorOptions.DEFAULT);
    this.settings = settings;
    this.chat = chat;
    this.eosTokenIds = Set.copyOf(tokenizer.specialTokens().eosIds());
    // A context shorter than the limit is shared evenly by prompt and output.
    int context = model.config().maxPositionEmbeddings();
    this.maxNewTokens = Math.min(settings.maxNewTokens(), context / 2);
    this.longestPrompt = context - maxNewTokens;
  }

  /** A decomposer with rlkd's own conversation about mathematics, if the settings need one. */
  public GenerativeDecomposer(
      String id, CausalLm model, Tokenizer tokenizer, GsrmSettings settings) {
    this(id, model, tokenizer, settings, DecompositionPrompt.of(Domain.MATH));
  }

  @Override
  public String id() {
    return id;
  }

  @Override
  public List<Decomposition> decompose(List<Reasoning> reasonings) {
    List<List<Reasoning>> pieces = reasonings.stream().map(this::pieces).toList();
    Set<Reasoning> wanted = new LinkedHashSet<>();
    pieces.forEach(wanted::addAll);
    Map<Reasoning, Decomposition> decompositions = decomposePieces(wanted);
    return pieces.stream().map(text -> join(text, decompositions)).toList();
  }

  private List<Reasoning> pieces(Reasoning reasoning) {
    // A prompt of the settings' own does not show the problem.
    String problem = settings.prompt() == null ? reasoning.problem() : "";
    List<String> texts =
        switch (settings.split()) {
          case SENTENCE -> Sentences.of(reasoning.text());
          case TEXT -> reasoning.text().isBlank() ? List.of() : List.of(reasoning.text().strip());
        };
    return texts.stream().map(text -> new Reasoning(problem, text)).toList();
  }

  /** The steps of the pieces one after another; a failed piece fails the text. */
  private static Decomposition join(List<Reasoning> pieces, Map<Reasoning, Decomposition> results) {
    if (pieces.size() == 1) {
      return results.get(pieces.get(0));
    }
    List<Step> steps = new ArrayList<>();
    for (Reasoning piece : pieces) {
      Decomposition result = results.get(piece);
      if (!(result instanceof Decomposition.Parsed parsed)) {
        return result;
      }
      steps.addAll(parsed.structure().steps());
    }
    return new Decomposition.Parsed(new Structure(steps));
  }

  private Map<Reasoning, Decomposition> decomposePieces(Set<Reasoning> wanted) {
    Map<Reasoning, Decomposition> results = new LinkedHashMap<>();
    List<Reasoning> open = new ArrayList<>();
    for (Reasoning piece : wanted) {
      Decomposition known = remembered.get(piece);
      if (known == null) {
        open.add(piece);
      } else {
        results.put(piece, known);
      }
    }
    for (int attempt = 0; attempt < settings.attempts() && !open.isEmpty(); attempt++) {
      List<Reasoning> failed = new ArrayList<>();
      Map<Reasoning, Decomposition> attempted = attempt(open, attempt);
      for (Reasoning piece : open) {
        Decomposition result = attempted.get(piece);
        results.put(piece, result);
        if (result instanceof Decomposition.Failed) {
          failed.add(piece);
        }
      }
      open = failed;
    }
    results.forEach(remembered::put);
    return results;
  }

  private Map<Reasoning, Decomposition> attempt(List<Reasoning> pieces, int attempt) {
    Map<Reasoning, Decomposition> results = new LinkedHashMap<>();
    List<Reasoning> asked = new ArrayList<>();
    List<GenerationRequest> requests = new ArrayList<>();
    for (Reasoning piece : pieces) {
      int[] prompt = prompt(piece);
      if (prompt.length > longestPrompt) {
        results.put(
            piece,
            new Decomposition.Failed(
                "%d tokens of reasoning, the decomposer takes at most %d"
                    .formatted(prompt.length, longestPrompt)));
      } else {
        asked.add(piece);
        // The random numbers of a retry depend on the piece, not on what it is batched with.
        requests.add(new GenerationRequest(prompt, 1, piece.text().hashCode()));
      }
    }
    SamplingParameters sampling =
        SamplingParameters.greedy(maxNewTokens)
            .withTemperature(attempt == 0 ? 0 : RETRY_TEMPERATURE)
            .withEosTokenIds(eosTokenIds);
    List<List<Completion>> completions =
        requests.isEmpty() ? List.of() : generator.generate(requests, sampling, attempt);
    for (int i = 0; i < asked.size(); i++) {
      results.put(asked.get(i), parse(completions.get(i).get(0)));
    }
    return results;
  }

  private int[] prompt(Reasoning piece) {
    return settings.prompt() == null
        ? new PromptEncoder(tokenizer, Map.of()).encode(chat.messages(piece)).tokens()
        : tokenizer.encode(settings.promptFor(piece.text()));
  }

  private Decomposition parse(Completion completion) {
    boolean cutOff = completion.finishReason().isTruncated();
    return DecomposerOutput.read(
        tokenizer.decode(completion.tokens(), true),
        cutOff
            ? "%s after %d tokens".formatted(completion.finishReason(), completion.length())
            : null);
  }
}
