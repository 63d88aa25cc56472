package org.rlkd.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** {@code rlkd data}: makes data sets for training. */
@Command(
    name = "data",
    description = "Makes data sets for training.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {DataRlkdCommand.class, DataGsrmCommand.class})
final class DataCommand implements Runnable {
  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  @Override
  public void run() {
    throw new CommandLine.ParameterException(spec.commandLine(), "a command is missing");
  }
}
