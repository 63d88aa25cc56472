package org.rlkd.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** {@code rlkd gsrm}: looks into the structure reward. */
@Command(
    name = "gsrm",
    description = "Explains structure rewards and shows what is kept of teachers.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {GsrmScoreCommand.class, GsrmShowCommand.class})
final class GsrmCommand implements Runnable {
  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  @Override
  public void run() {
    throw new CommandLine.ParameterException(spec.commandLine(), "a command is missing");
  }
}
