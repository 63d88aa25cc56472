package org.rlkd.engine.gsrm;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.GsrmConfig;
import org.rlkd.core.endpoint.ChatEndpoint;
import org.rlkd.core.gsrm.AnswerCache;
import org.rlkd.core.gsrm.AskingJudge;
import org.rlkd.core.gsrm.EndpointJudge;
import org.rlkd.core.gsrm.Judge;
import org.rlkd.core.gsrm.LexicalJudge;
import org.rlkd.core.gsrm.QuestionJudge;
import org.rlkd.core.text.NearestName;
import org.rlkd.engine.PretrainedModel;
import org.rlkd.engine.tensor.CpuThreads;
import org.rlkd.engine.tensor.Device;

/** The judge of a configuration with what it holds open: a model, a server's client, its cache. */
public final class GsrmJudge implements AutoCloseable {
  private static final List<String> NAMES = List.of("lexical", "embedding", "endpoint");

  private final Judge judge;
  private final AutoCloseable resource;
  private final AnswerCache cache;

  private GsrmJudge(Judge judge, AutoCloseable resource, AnswerCache cache) {
    this.judge = judge;
    this.resource = resource;
    this.cache = cache;
  }

  /**
   * Opens a judge by its configuration.
   *
   * @param cacheFile where answers of models are kept; null = in memory
   * @param device where a model runs; sentence embeddings run on the CPU
   * @throws UsageException for an unknown judge, or if an endpoint's key is not set
   */
  public static GsrmJudge open(GsrmConfig config, Path cacheFile, Device device) {
    switch (config.judge()) {
      case "lexical":
        return new GsrmJudge(new LexicalJudge(), () -> {}, AnswerCache.inMemory());
      case "embedding":
        SentenceEncoder encoder = SentenceEncoder.load(config.judgePrecision(), CpuThreads.count());
        return asking(config, new EmbeddingJudge(encoder), encoder, cacheFile);
      case "endpoint":
        ChatEndpoint endpoint =
            new ChatEndpoint(config.judgeEndpoint().orElseThrow(), System.getenv());
        return asking(config, new EndpointJudge(endpoint), endpoint, cacheFile);
      default:
        return generative(config, cacheFile, device);
    }
  }

  private static GsrmJudge generative(GsrmConfig config, Path cacheFile, Device device) {
    Path directory = Path.of(config.judge());
    if (!Files.isDirectory(directory)) {
      throw new UsageException(
          "rlkd.gsrm.judge: '%s' is neither one of %s nor the directory of a model%s"
              .formatted(config.judge(), NAMES, NearestName.hint(config.judge(), NAMES)));
    }
    PretrainedModel model = PretrainedModel.load(directory, device);
    try {
      model.model().setTrainable(false);
      QuestionJudge judge =
          new GenerativeJudge(ModelIdentity.of(directory), model.model(), model.tokenizer());
      return asking(config, judge, model, cacheFile);
    } catch (RuntimeException e) {
      model.close();
      throw e;
    }
  }

  private static GsrmJudge asking(
      GsrmConfig config, QuestionJudge judge, AutoCloseable resource, Path cacheFile) {
    try {
      long maxBytes = (long) config.cache().judgeMib() << 20;
      AnswerCache cache =
          cacheFile == null
              ? AnswerCache.inMemory(maxBytes)
              : AnswerCache.open(cacheFile, maxBytes);
      return new GsrmJudge(new AskingJudge(judge, cache), resource, cache);
    } catch (RuntimeException e) {
      close(resource);
      throw e;
    }
  }

  /** Runs on the thread that called {@link #open}. */
  public Judge judge() {
    return judge;
  }

  static void close(AutoCloseable resource) {
    try {
      resource.close();
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException("closing a part of the structure reward", e);
    }
  }

  @Override
  public void close() {
    cache.close();
    close(resource);
  }
}
