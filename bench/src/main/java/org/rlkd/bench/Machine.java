package org.rlkd.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.rlkd.bindings.NativeLibrary;

/**
 * Where figures were taken; only those of equal machines are compared.
 *
 * @param processor as the operating system names it
 * @param processors that the JVM may use
 * @param cpuFeatures instruction set of librlkd's kernels
 * @param threads of LibTorch, OpenBLAS and librlkd
 * @param java version of the JVM
 */
public record Machine(
    String processor, int processors, String cpuFeatures, int threads, String java) {

  /** This machine. */
  public static Machine here(int threads) {
    return new Machine(
        processorName(),
        Runtime.getRuntime().availableProcessors(),
        NativeLibrary.cpuFeatures(),
        threads,
        System.getProperty("java.vm.version"));
  }

  private static String processorName() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .findFirst()
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .orElse(System.getProperty("os.arch"));
    } catch (IOException e) {
      return System.getProperty("os.arch");
    }
  }

  @Override
  public String toString() {
    return "%s, %d processors, %s, %d threads, Java %s"
        .formatted(processor, processors, cpuFeatures, threads, java);
  }
}
