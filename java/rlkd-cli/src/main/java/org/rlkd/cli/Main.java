package org.rlkd.cli;

import java.util.Locale;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/**
 * The {@code rlkd} command.
 *
 * <p>Exit codes: 0 done, 1 the input or the machine stood in the way, 2 the command line or the
 * configuration is wrong. Errors are one paragraph on standard error; {@code --verbose} adds the
 * stack trace.
 */
@Command(
    name = "rlkd",
    description =
        "Distils a strong model's reasoning structure into a small one by reinforcement learning.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    synopsisSubcommandLabel = "COMMAND",
    footer = "%nBenchmarks: ./rlkd bench --help (of the launcher).",
    subcommands = {
      QuickstartCommand.class,
      TrainCommand.class,
      SftCommand.class,
      GenerateCommand.class,
      EvalCommand.class,
      DataCommand.class,
      ScoreCommand.class,
      GsrmCommand.class,
      RewardCommand.class,
      ExperimentCommand.class,
      MergeCommand.class,
      ReportCommand.class,
      DoctorCommand.class
    })
public final class Main implements Runnable {
  @Option(
      names = "--verbose",
      description = "Show the stack trace of an error.",
      scope = ScopeType.INHERIT)
  private boolean verbose;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  private Main() {}

  public static void main(String[] arguments) {
    System.exit(execute(arguments));
  }

  /**
   * Runs one command line.
   *
   * @return the process's exit code
   */
  static int execute(String... arguments) {
    Locale.setDefault(Locale.ROOT); // numbers look the same on every machine
    Main main = new Main();
    CommandLine commandLine = new CommandLine(main);
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    commandLine.setParameterExceptionHandler(Main::refuse);
    commandLine.setExecutionExceptionHandler(
        (exception, failed, parsed) -> {
          if (main.verbose) {
            exception.printStackTrace(failed.getErr());
          }
          failed.getErr().println("rlkd: " + paragraph(exception));
          failed.getErr().flush();
          return exception instanceof UsageException ? 2 : 1;
        });
    try {
      return commandLine.execute(arguments);
    } catch (OutOfMemoryError | LinkageError e) { // the machine's limits, not defects
      if (main.verbose) {
        e.printStackTrace();
      }
      System.err.println("rlkd: " + paragraph(e));
      return 1;
    }
  }

  private static String paragraph(Error error) {
    if (error instanceof OutOfMemoryError) {
      return "the Java heap of %d MiB is full (%s). Give it more with RLKD_JAVA_OPTS=-Xmx8g, or use less data or shorter completions at a time."
          .formatted(Runtime.getRuntime().maxMemory() >> 20, error.getMessage());
    }
    return "a library did not load: %s. 'rlkd doctor' shows which ones do.".formatted(error);
  }

  private static int refuse(CommandLine.ParameterException exception, String[] arguments) {
    CommandLine command = exception.getCommandLine();
    StringBuilder text = new StringBuilder("rlkd: ").append(exception.getMessage());
    if (exception instanceof CommandLine.UnmatchedArgumentException unmatched
        && !unmatched.getSuggestions().isEmpty()) {
      text.append(". Did you mean ").append(String.join(" or ", unmatched.getSuggestions()));
      text.append('?');
    } else {
      text.append('.');
    }
    text.append(
        " '%s --help' lists what there is.".formatted(command.getCommandSpec().qualifiedName()));
    command.getErr().println(text);
    command.getErr().flush();
    return 2;
  }

  private static String paragraph(Exception exception) {
    if (exception instanceof InputException || exception instanceof UsageException) {
      return exception.getMessage();
    }
    return "a defect in rlkd: %s. Run again with --verbose and report the stack trace."
        .formatted(exception);
  }

  @Override
  public void run() {
    throw new CommandLine.ParameterException(spec.commandLine(), "a command is missing");
  }
}
