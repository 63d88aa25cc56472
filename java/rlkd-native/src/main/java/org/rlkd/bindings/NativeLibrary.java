package org.rlkd.bindings;

import static org.rlkd.bindings.global.rlkd.*;

import java.util.Optional;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;

/**
 * Loads librlkd and says why not when it cannot be.
 *
 * <p>Where LibTorch's jar is on the class path librlkd runs on the libgomp inside it, whichever of
 * the two is loaded first: one OpenMP runtime, one pool of threads.
 *
 * <p>Thread-safe; the library is loaded once for a process and never unloaded.
 */
public final class NativeLibrary {
  private NativeLibrary() {}

  /** Loading is settled once: the failure's reason, or empty. */
  private static final class Loaded {
    static final Optional<String> FAILURE = load();

    private static Optional<String> load() {
      try {
        Loader.load(org.rlkd.bindings.global.rlkd.class);
      } catch (UnsatisfiedLinkError | NoClassDefFoundError | ExceptionInInitializerError e) {
        Throwable cause = e.getCause() == null ? e : e.getCause();
        return Optional.of(
            "librlkd could not be loaded for platform %s: %s"
                .formatted(Loader.getPlatform(), cause.getMessage()));
      }
      String found = rlkd_version().getString();
      return found.equals(expectedVersion())
          ? Optional.empty()
          : Optional.of(
              "librlkd has version %s, expected %s (that of the bindings): rebuild rlkd-native"
                  .formatted(found, expectedVersion()));
    }
  }

  private static String expectedVersion() {
    return RLKD_VERSION_MAJOR + "." + RLKD_VERSION_MINOR + "." + RLKD_VERSION_PATCH;
  }

  /** Why the library cannot be used; empty if it can. Loads it at the first call. */
  public static Optional<String> failure() {
    return Loaded.FAILURE;
  }

  /**
   * Loads the library.
   *
   * @throws UnsatisfiedLinkError with the text of {@link #failure()} if that is impossible
   */
  public static void require() {
    failure()
        .ifPresent(
            reason -> {
              throw new UnsatisfiedLinkError(reason);
            });
  }

  /** Version of the loaded library, "MAJOR.MINOR.PATCH". */
  public static String version() {
    require();
    return rlkd_version().getString();
  }

  /** The instruction set that the CPU kernels run with: "baseline", "avx2" or "avx512". */
  public static String cpuFeatures() {
    require();
    return rlkd_cpu_features().getString();
  }

  /**
   * Why a backend cannot run here.
   *
   * @param backend an {@code RLKD_BACKEND_*} constant
   * @return the reason, empty if the backend can run
   */
  public static Optional<String> backendUnavailable(int backend) {
    require();
    try (BytePointer reason = new BytePointer((BytePointer) null)) {
      return rlkd_backend_available(backend, reason) == 1
          ? Optional.empty()
          : Optional.of(reason.getString());
    }
  }

  /**
   * Turns the status of a call into an exception. Call it on the thread that made the call, before
   * its next call.
   *
   * @throws NativeException with the text of {@code rlkd_last_error()} unless status is {@code
   *     RLKD_OK}
   */
  public static void check(int status) {
    if (status != RLKD_OK) {
      throw new NativeException(status, rlkd_last_error().getString());
    }
  }
}
