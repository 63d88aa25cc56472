package org.rlkd.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * One command line, run in this process.
 *
 * @param exitCode what the process would have ended with
 * @param out standard output
 * @param err standard error, progress bars included
 */
record CapturedRun(int exitCode, String out, String err) {

  static CapturedRun of(String... arguments) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream outBytes = new ByteArrayOutputStream();
    ByteArrayOutputStream errBytes = new ByteArrayOutputStream();
    try {
      System.setOut(new PrintStream(outBytes, true, StandardCharsets.UTF_8));
      System.setErr(new PrintStream(errBytes, true, StandardCharsets.UTF_8));
      int exitCode = Main.execute(arguments);
      return new CapturedRun(
          exitCode,
          outBytes.toString(StandardCharsets.UTF_8),
          errBytes.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  /** The error paragraph, which is the last line. */
  String error() {
    return err.stripTrailing().lines().reduce((earlier, last) -> last).orElse("");
  }
}
