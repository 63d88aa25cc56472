package org.rlkd.cli;

import static org.rlkd.bindings.global.rlkd.RLKD_BACKEND_CPU;
import static org.rlkd.bindings.global.rlkd.RLKD_BACKEND_CUDA;
import static org.rlkd.bindings.global.rlkd.RLKD_BACKEND_EMULATED;
import static org.rlkd.bindings.global.rlkd.RLKD_BACKEND_REFERENCE;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas;
import org.bytedeco.pytorch.global.torch;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.engine.selftest.CheckResult;
import org.rlkd.engine.selftest.KernelSelfTest;
import picocli.CommandLine.Command;

/** {@code rlkd doctor}: what rlkd runs on, and whether its kernels compute right here. */
@Command(
    name = "doctor",
    description = {
      "Shows the machine, the JVM, LibTorch and librlkd with its backends, and checks every kernel"
          + " against the fp64 reference.",
      "Exit code 1 if a part does not load or a check fails."
    },
    mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {
  private static final double GIB = 1L << 30;

  private record Backend(String name, int constant) {}

  private static final List<Backend> BACKENDS =
      List.of(
          new Backend("CPU", RLKD_BACKEND_CPU),
          new Backend("CUDA", RLKD_BACKEND_CUDA),
          new Backend("REFERENCE", RLKD_BACKEND_REFERENCE),
          new Backend("EMULATED", RLKD_BACKEND_EMULATED));

  private final KernelSelfTest selfTest;

  DoctorCommand() {
    this(KernelSelfTest.ofAllKernels());
  }

  DoctorCommand(KernelSelfTest selfTest) {
    this.selfTest = selfTest;
  }

  @Override
  public Integer call() {
    return report(System.out);
  }

  /**
   * Writes the report.
   *
   * @return the exit code
   */
  int report(PrintStream out) {
    machine(out);
    jvm(out);
    boolean loaded = libTorch(out) & librlkd(out);
    return loaded && kernelsPass(out) ? 0 : 1;
  }

  private static void machine(PrintStream out) {
    OperatingSystemMXBean system =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    out.println("machine");
    line(
        out,
        "system",
        "%s %s, %s".formatted(system.getName(), system.getVersion(), system.getArch()));
    line(out, "processor", cpuModel());
    line(out, "processors", Integer.toString(Runtime.getRuntime().availableProcessors()));
    line(
        out,
        "memory",
        "%.1f GiB, %.1f GiB free"
            .formatted(system.getTotalMemorySize() / GIB, system.getFreeMemorySize() / GIB));
  }

  private static String cpuModel() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      Optional<String> model = lines.filter(line -> line.startsWith("model name")).findFirst();
      return model
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .orElse("/proc/cpuinfo does not name it");
    } catch (IOException e) {
      return "not known: " + e;
    }
  }

  private static void jvm(PrintStream out) {
    out.println("JVM");
    line(
        out,
        "version",
        "%s (%s)"
            .formatted(
                System.getProperty("java.runtime.version"), System.getProperty("java.vm.name")));
    line(out, "heap", "at most %.1f GiB".formatted(Runtime.getRuntime().maxMemory() / GIB));
  }

  private static boolean libTorch(PrintStream out) {
    out.println("LibTorch");
    try {
      line(out, "version", Loader.getVersion("org.bytedeco", "pytorch"));
      ModelOptions.setThreads(null); // as the commands that run a model do without --threads
      line(
          out,
          "threads",
          "%d, OpenBLAS %d, without --threads"
              .formatted(torch.get_num_threads(), openblas.blas_get_num_threads()));
      return true;
    } catch (IOException | LinkageError e) {
      line(out, "FAILED", "not loaded: " + e);
      return false;
    }
  }

  private static boolean librlkd(PrintStream out) {
    out.println("librlkd");
    Optional<String> failure = NativeLibrary.failure();
    if (failure.isPresent()) {
      line(out, "FAILED", failure.get());
      return false;
    }
    line(out, "version", NativeLibrary.version());
    line(out, "CPU features", NativeLibrary.cpuFeatures());
    for (Backend backend : BACKENDS) {
      line(
          out,
          backend.name,
          NativeLibrary.backendUnavailable(backend.constant)
              .map(reason -> "not available: " + reason)
              .orElse("available"));
    }
    return true;
  }

  private boolean kernelsPass(PrintStream out) {
    long start = System.nanoTime();
    List<CheckResult> results = selfTest.run(RLKD_BACKEND_CPU);
    double seconds = (System.nanoTime() - start) * 1e-9;
    long failed = results.stream().filter(result -> !result.passed()).count();
    out.println("self-test: kernels on CPU against REFERENCE");
    for (CheckResult result : results) {
      line(
          out,
          result.name(),
          "%s  largest difference %.1e, allowed %s"
              .formatted(
                  result.passed() ? "ok    " : "FAILED",
                  result.largestDifference(),
                  result.tolerance()));
      line(out, "", "  " + (result.passed() ? result.tolerance().reason() : result.failure()));
    }
    out.println(
        failed == 0
            ? "all %d checks passed in %.1f s".formatted(results.size(), seconds)
            : "%d of %d checks FAILED. Rebuild with './rlkd'; if they fail again, report this output."
                .formatted(failed, results.size()));
    return failed == 0;
  }

  private static void line(PrintStream out, String name, String value) {
    out.println("  %-20s %s".formatted(name, value));
  }
}
