package org.rlkd.engine.gsrm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.rlkd.core.InputException;
import org.rlkd.core.config.GsrmCompatibility;
import org.rlkd.core.config.GsrmConfig;
import org.rlkd.core.gsrm.TeacherCache;
import org.rlkd.core.reward.StructureReward;
import org.rlkd.core.reward.StructureRewardOptions;
import org.rlkd.engine.tensor.Device;

/**
 * A structure reward with the parts it is made of: decomposer, judge, alignment, caches. Closing it
 * frees their models and closes the caches.
 */
public final class Gsrm implements AutoCloseable {
  private static final String JUDGE_CACHE = "judge-cache.bin";

  private final GsrmDecomposer decomposer;
  private final GsrmJudge judge;
  private final TeacherCache cache;
  private final StructureReward reward;

  private Gsrm(
      GsrmDecomposer decomposer, GsrmJudge judge, TeacherCache cache, StructureReward reward) {
    this.decomposer = decomposer;
    this.judge = judge;
    this.cache = cache;
    this.reward = reward;
  }

  /**
   * Builds the reward of a configuration.
   *
   * @param cacheFile where decompositions of teacher paths are kept, and beside it {@value
   *     #JUDGE_CACHE}, the judge's answers; made if they aren't there; null keeps both in memory.
   *     The configuration's cache directory, if given, is used in place of this file's
   * @param device where its models and its kernel run
   * @throws InputException if a model, a prompt or a cache cannot be read
   * @throws org.rlkd.core.UsageException for an unknown judge, or an endpoint without its key
   */
  public static Gsrm open(GsrmConfig config, Path cacheFile, Device device) {
    return open(config, cacheFile, device, 1);
  }

  /**
   * As {@link #open(GsrmConfig, Path, Device)}; the reward stops the run that uses it when a larger
   * share of completions than the configuration's {@code max_unscorable} has no score.
   */
  public static Gsrm openForTraining(GsrmConfig config, Path cacheFile, Device device) {
    return open(config, cacheFile, device, config.maxUnscorable());
  }

  private static Gsrm open(GsrmConfig config, Path cacheFile, Device device, double maxUnscorable) {
    Path teacherFile = config.cache().directory().map(Gsrm::cacheFile).orElse(cacheFile);
    GsrmDecomposer decomposer = null;
    GsrmJudge judge = null;
    try {
      decomposer = GsrmDecomposer.open(config, device);
      judge =
          GsrmJudge.open(
              config, teacherFile == null ? null : teacherFile.resolveSibling(JUDGE_CACHE), device);
      TeacherCache cache =
          teacherFile == null ? TeacherCache.inMemory() : TeacherCache.open(teacherFile);
      return new Gsrm(
          decomposer,
          judge,
          cache,
          new StructureReward(
              decomposer.decomposer(),
              judge.judge(),
              new NativeStructureAlignment(device),
              cache,
              options(config).stoppingAbove(maxUnscorable)));
    } catch (RuntimeException e) {
      if (judge != null) {
        judge.close();
      }
      if (decomposer != null) {
        decomposer.close();
      }
      throw e;
    }
  }

  /** The teacher cache of a cache directory, which is made if it isn't there. */
  private static Path cacheFile(String directory) {
    try {
      return Files.createDirectories(Path.of(directory)).resolve("teacher-cache.jsonl");
    } catch (IOException e) {
      throw new InputException(
          "rlkd.gsrm.cache_dir: %s cannot be made: %s".formatted(directory, e), e);
    }
  }

  private static StructureRewardOptions options(GsrmConfig config) {
    StructureRewardOptions options =
        config.compatibility() == GsrmCompatibility.REFERENCE
            ? StructureRewardOptions.REFERENCE
            : StructureRewardOptions.of(
                config.alignment().name().toLowerCase(Locale.ROOT),
                config.normalize().name().toLowerCase(Locale.ROOT),
                config.gapDecay());
    return (config.gate() ? options : options.withoutGate()).stoppingAbove(config.maxUnscorable());
  }

  /** The {@code structure} reward; runs on the thread that called {@link #open}. */
  public StructureReward reward() {
    return reward;
  }

  @Override
  public void close() {
    cache.close();
    judge.close();
    decomposer.close();
  }
}
