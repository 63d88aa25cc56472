package org.rlkd.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * One command line, or another program, in a process of its own.
 *
 * @param output file with its standard output and error
 */
record ChildRun(Process process, Path output) {
  private static final long LIMIT_SECONDS = 240;

  static ChildRun start(Path output, List<String> arguments) throws IOException {
    List<String> program = new ArrayList<>(List.of(Main.class.getName()));
    program.addAll(arguments);
    return start(output, System.getProperty("java.class.path"), program);
  }

  /** One that can write no file of more than so many KiB, as if the disk were full then. */
  static ChildRun startOnFullDisk(int kib, Path output, List<String> arguments) throws IOException {
    List<String> program = new ArrayList<>(List.of(Main.class.getName()));
    program.addAll(arguments);
    return start(
        List.of("bash", "-c", "ulimit -f %d && exec \"$@\"".formatted(kib), "bash"),
        output,
        System.getProperty("java.class.path"),
        program);
  }

  /**
   * @param program main class and arguments
   */
  static ChildRun start(Path output, String classPath, List<String> program) throws IOException {
    return start(List.of(), output, classPath, program);
  }

  private static ChildRun start(
      List<String> shell, Path output, String classPath, List<String> program) throws IOException {
    List<String> command = new ArrayList<>(shell);
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
            "-Dorg.bytedeco.javacpp.maxBytes=0"));
    String cache = System.getProperty("org.bytedeco.javacpp.cachedir");
    if (cache != null) {
      command.add("-Dorg.bytedeco.javacpp.cachedir=" + cache);
    }
    command.addAll(List.of("-cp", classPath));
    command.addAll(program);
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    return new ChildRun(process, output);
  }

  /** Waits until something holds or the process has ended. */
  void await(BooleanSupplier condition) throws InterruptedException {
    long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
    while (process.isAlive() && !condition.getAsBoolean()) {
      if (System.nanoTime() > limit) {
        process.destroyForcibly();
        throw new AssertionError("nothing happened in " + LIMIT_SECONDS + " s");
      }
      Thread.sleep(1);
    }
  }

  /** The exit code, at the end of the process. */
  int exitCode() throws InterruptedException {
    if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError("the process did not end in " + LIMIT_SECONDS + " s");
    }
    return process.exitValue();
  }

  /** What it has said. */
  String said() throws IOException {
    return Files.readString(output);
  }
}
