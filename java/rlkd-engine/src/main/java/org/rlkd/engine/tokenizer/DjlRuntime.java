package org.rlkd.engine.tokenizer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Keeps the DJL library on this machine: no download of a native library, no telemetry, and its one
 * unpacked library file under a cache folder ({@code DJL_CACHE_DIR}, else {@code
 * $XDG_CACHE_HOME/rlkd/djl}, else {@code ~/.cache/rlkd/djl}, else the temporary folder).
 */
public final class DjlRuntime {

  private DjlRuntime() {}

  /**
   * Sets DJL's system properties where the user has not; call before any class of DJL is touched.
   */
  public static void configure() {
    setIfAbsent("ai.djl.offline", "true");
    setIfAbsent("OPT_OUT_TRACKING", "true");
    if (System.getenv("DJL_CACHE_DIR") == null && System.getenv("ENGINE_CACHE_DIR") == null) {
      setIfAbsent("DJL_CACHE_DIR", cacheFolder().toString());
    }
  }

  private static Path cacheFolder() {
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path base =
        xdg != null && !xdg.isBlank()
            ? Path.of(xdg)
            : Path.of(System.getProperty("user.home"), ".cache");
    Path folder = base.resolve("rlkd").resolve("djl");
    try {
      Files.createDirectories(folder);
      if (Files.isWritable(folder)) {
        return folder;
      }
    } catch (IOException e) {
      // A home without room for a cache: the temporary folder serves.
    }
    return Path.of(
        System.getProperty("java.io.tmpdir"), "rlkd-djl-" + System.getProperty("user.name"));
  }

  private static void setIfAbsent(String property, String value) {
    if (System.getProperty(property) == null) {
      System.setProperty(property, value);
    }
  }
}
