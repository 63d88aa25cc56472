package org.rlkd.engine.gsrm;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.GsrmConfig;
import org.rlkd.core.gsrm.Decomposer;
import org.rlkd.core.gsrm.Judge;
import org.rlkd.core.gsrm.LexicalJudge;
import org.rlkd.core.gsrm.TagDecomposer;
import org.rlkd.core.gsrm.TeacherCache;
import org.rlkd.core.reward.StructureReward;
import org.rlkd.core.reward.StructureRewardOptions;
import org.rlkd.engine.PretrainedModel;

/**
 * A structure reward with the parts it is made of: decomposer, judge, alignment, teacher cache.
 * Closing it frees the decomposer's model and closes the cache.
 */
public final class Gsrm implements AutoCloseable {
  private final PretrainedModel model;
  private final TeacherCache cache;
  private final StructureReward reward;

  private Gsrm(PretrainedModel model, TeacherCache cache, StructureReward reward) {
    this.model = model;
    this.cache = cache;
    this.reward = reward;
  }

  /**
   * Builds the reward of a configuration.
   *
   * @param cacheFile where decompositions of teacher paths are kept; made if it isn't there
   * @throws InputException if the decomposer's directory or the cache cannot be read
   * @throws UsageException for a value that is not implemented
   */
  public static Gsrm open(GsrmConfig config, Path cacheFile) {
    Judge judge = judge(config.judge());
    StructureRewardOptions options =
        StructureRewardOptions.of(
            config.alignment().name().toLowerCase(Locale.ROOT),
            config.normalize().name().toLowerCase(Locale.ROOT),
            config.gapDecay());
    PretrainedModel model = null;
    try {
      Decomposer decomposer = new TagDecomposer();
      if (config.decomposer().isPresent()) {
        Path directory = Path.of(config.decomposer().get());
        GsrmSettings settings = GsrmSettings.load(directory);
        model = PretrainedModel.load(directory);
        model.model().setTrainable(false);
        decomposer =
            new GenerativeDecomposer(
                identity(directory), model.model(), model.tokenizer(), settings);
      }
      TeacherCache cache = TeacherCache.open(cacheFile);
      return new Gsrm(
          model,
          cache,
          new StructureReward(
              decomposer,
              judge,
              new NativeStructureAlignment(),
              cache,
              config.gate() ? options : options.withoutGate()));
    } catch (RuntimeException e) {
      if (model != null) {
        model.close();
      }
      throw e;
    }
  }

  private static Judge judge(String name) {
    if (!name.equals("lexical")) {
      throw new UsageException(
          "rlkd.gsrm.judge: '%s' is not implemented, expected 'lexical'".formatted(name));
    }
    return new LexicalJudge();
  }

  /** The {@code structure} reward; runs on the thread that called {@link #open}. */
  public StructureReward reward() {
    return reward;
  }

  /** Identifies a decomposer by what its output depends on: weights, tokenizer, settings. */
  static String identity(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      List<Path> relevant =
          files.filter(file -> isRelevant(file.getFileName().toString())).sorted().toList();
      byte[] buffer = new byte[1 << 16];
      for (Path file : relevant) {
        try (InputStream in = Files.newInputStream(file)) {
          for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
            digest.update(buffer, 0, read);
          }
        }
      }
      String hash = HexFormat.of().formatHex(digest.digest()).substring(0, 16);
      return directory.toAbsolutePath().normalize().getFileName() + "@sha256:" + hash;
    } catch (IOException e) {
      throw new InputException("%s cannot be read: %s".formatted(directory, e), e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JDK lacks SHA-256", e);
    }
  }

  private static boolean isRelevant(String name) {
    return name.endsWith(".safetensors")
        || name.equals("tokenizer.json")
        || name.equals("config.json")
        || name.equals(GsrmSettings.FILE);
  }

  @Override
  public void close() {
    cache.close();
    if (model != null) {
      model.close();
    }
  }
}
