package org.rlkd.engine.gsrm;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.rlkd.core.gsrm.Decomposer;
import org.rlkd.core.gsrm.Decomposition;
import org.rlkd.core.gsrm.Step;
import org.rlkd.core.gsrm.Structure;
import org.rlkd.core.gsrm.StructureParser;
import org.rlkd.engine.generation.Completion;
import org.rlkd.engine.generation.GenerationRequest;
import org.rlkd.engine.generation.Generator;
import org.rlkd.engine.generation.GeneratorOptions;
import org.rlkd.engine.generation.SamplingParameters;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.tokenizer.Tokenizer;

/**
 * The generative half of the GSRM (arXiv 2505.16142, section 3): a language model that writes the
 * steps of a reasoning text in {@code [sub-think] [Query] [Answer]} tags.
 *
 * <p>All texts of a call are decomposed in one batch, equal pieces once, and the most recent
 * {@value #REMEMBERED} pieces are remembered: completions of a group repeat each other's sentences.
 * The output for a piece depends on the piece alone, so remembering changes nothing.
 *
 * <p>Runs on the thread that owns the model; model and tokenizer stay the caller's.
 */
public final class GenerativeDecomposer implements Decomposer {
  private static final int REMEMBERED = 100_000;

  /** Temperature of the attempts after the first, greedy one. */
  private static final double RETRY_TEMPERATURE = 0.7;

  private final String id;
  private final Tokenizer tokenizer;
  private final Generator generator;
  private final GsrmSettings settings;
  private final Set<Integer> eosTokenIds;
  private final int longestPrompt;

  private final Map<String, Decomposition> remembered =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Decomposition> eldest) {
          return size() > REMEMBERED;
        }
      };

  /**
   * A decomposer over a model.
   *
   * @param id identifies the weights and the settings, see {@link Decomposer#id}
   */
  public GenerativeDecomposer(
      String id, CausalLm model, Tokenizer tokenizer, GsrmSettings settings) {
    this.id = id;
    this.tokenizer = tokenizer;
    this.generator = new Generator(model, tokenizer, GeneratorOptions.DEFAULT);
    this.settings = settings;
    this.eosTokenIds = Set.copyOf(tokenizer.specialTokens().eosIds());
    this.longestPrompt = model.config().maxPositionEmbeddings() - settings.maxNewTokens();
  }

  @Override
  public String id() {
    return id;
  }

  @Override
  public List<Decomposition> decompose(List<String> reasoningTexts) {
    List<List<String>> pieces = reasoningTexts.stream().map(this::pieces).toList();
    Set<String> wanted = new LinkedHashSet<>();
    pieces.forEach(wanted::addAll);
    Map<String, Decomposition> decompositions = decomposePieces(wanted);
    List<Decomposition> results = new ArrayList<>();
    for (List<String> text : pieces) {
      results.add(join(text, decompositions));
    }
    return results;
  }

  private List<String> pieces(String text) {
    return switch (settings.split()) {
      case SENTENCE -> Sentences.of(text);
      case TEXT -> text.isBlank() ? List.of() : List.of(text.strip());
    };
  }

  /** The steps of the pieces one after another; a failed piece fails the text. */
  private static Decomposition join(List<String> pieces, Map<String, Decomposition> results) {
    List<Step> steps = new ArrayList<>();
    for (String piece : pieces) {
      Decomposition result = results.get(piece);
      if (!(result instanceof Decomposition.Parsed parsed)) {
        return result;
      }
      steps.addAll(parsed.structure().steps());
    }
    return new Decomposition.Parsed(new Structure(steps));
  }

  private Map<String, Decomposition> decomposePieces(Set<String> wanted) {
    Map<String, Decomposition> results = new LinkedHashMap<>();
    List<String> open = new ArrayList<>();
    for (String piece : wanted) {
      Decomposition known = remembered.get(piece);
      if (known == null) {
        open.add(piece);
      } else {
        results.put(piece, known);
      }
    }
    for (int attempt = 0; attempt < settings.attempts() && !open.isEmpty(); attempt++) {
      List<String> failed = new ArrayList<>();
      Map<String, Decomposition> attempted = attempt(open, attempt);
      for (String piece : open) {
        Decomposition result = attempted.get(piece);
        results.put(piece, result);
        if (result instanceof Decomposition.Failed) {
          failed.add(piece);
        }
      }
      open = failed;
    }
    remembered.putAll(results);
    return results;
  }

  private Map<String, Decomposition> attempt(List<String> pieces, int attempt) {
    Map<String, Decomposition> results = new LinkedHashMap<>();
    List<String> asked = new ArrayList<>();
    List<GenerationRequest> requests = new ArrayList<>();
    for (String piece : pieces) {
      int[] prompt = tokenizer.encode(settings.promptFor(piece));
      if (prompt.length > longestPrompt) {
        results.put(
            piece,
            new Decomposition.Failed(
                "%d tokens of reasoning, the decomposer takes at most %d"
                    .formatted(prompt.length, longestPrompt)));
      } else {
        asked.add(piece);
        // The random numbers of a retry depend on the piece, not on what it is batched with.
        requests.add(new GenerationRequest(prompt, 1, piece.hashCode()));
      }
    }
    SamplingParameters sampling =
        SamplingParameters.greedy(settings.maxNewTokens())
            .withTemperature(attempt == 0 ? 0 : RETRY_TEMPERATURE)
            .withEosTokenIds(eosTokenIds);
    List<List<Completion>> completions =
        requests.isEmpty() ? List.of() : generator.generate(requests, sampling, attempt);
    for (int i = 0; i < asked.size(); i++) {
      results.put(asked.get(i), parse(completions.get(i).get(0)));
    }
    return results;
  }

  private Decomposition parse(Completion completion) {
    String output = tokenizer.decode(completion.tokens(), true);
    if (completion.finishReason().isTruncated()) {
      return new Decomposition.Failed(
          "the decomposer's output ended by %s after %d tokens: %s"
              .formatted(completion.finishReason(), completion.length(), output));
    }
    Structure structure = StructureParser.parse(output);
    return structure.steps().isEmpty() && !output.isBlank()
        ? new Decomposition.Failed("the decomposer's output has no step: " + output)
        : new Decomposition.Parsed(structure);
  }
}
