package org.rlkd.core.config;

import java.util.Optional;

/**
 * What the structure reward keeps on disk.
 *
 * @param directory where, to be shared by runs; empty: the run's output directory
 * @param judgeMib bound of the judge's answers in MiB
 */
public record GsrmCacheConfig(Optional<String> directory, int judgeMib) {
  /** What holds where no key is given. */
  public static final GsrmCacheConfig DEFAULT =
      new GsrmCacheConfig(Optional.empty(), GsrmKeys.JUDGE_CACHE_MIB.defaultValue());
}
