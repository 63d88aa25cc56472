package org.rlkd.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.rlkd.core.InputException;
import org.rlkd.core.gsrm.Decomposition;
import org.rlkd.core.gsrm.StructureRenderer;
import org.rlkd.core.gsrm.TeacherCache;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code rlkd gsrm show}: what a teacher cache holds. */
@Command(
    name = "show",
    description = {
      "Lists the decompositions of a teacher cache: problem, reasoning (its SHA-256), steps or the"
          + " reason of a failure, then how many there are of each decomposer.",
      "With --problem, the steps themselves."
    },
    mixinStandardHelpOptions = true)
final class GsrmShowCommand implements Runnable {
  @Parameters(
      paramLabel = "FILE",
      description = "teacher-cache.jsonl, or the directory that holds it (an output_dir).")
  private Path file;

  @Option(names = "--problem", paramLabel = "ID", description = "Only this problem, in full.")
  private String problem;

  @Option(names = "--failed", description = "Only failures.")
  private boolean failed;

  @Override
  public void run() {
    Path cache = Files.isDirectory(file) ? file.resolve("teacher-cache.jsonl") : file;
    if (!Files.isRegularFile(cache)) {
      throw new InputException(
          "%s does not exist: give the teacher-cache.jsonl of a run, or its output directory"
              .formatted(cache));
    }
    List<TeacherCache.Entry> entries = TeacherCache.entries(cache);
    Map<String, int[]> byDecomposer = new TreeMap<>();
    int shown = 0;
    for (TeacherCache.Entry entry : entries) {
      boolean isFailure = entry.decomposition() instanceof Decomposition.Failed;
      int[] counts = byDecomposer.computeIfAbsent(entry.decomposerId(), id -> new int[3]);
      counts[0]++;
      counts[1] += isFailure ? 1 : 0;
      counts[2] +=
          entry.decomposition() instanceof Decomposition.Parsed parsed
              ? parsed.structure().steps().size()
              : 0;
      if ((problem == null || problem.equals(entry.problemId())) && (!failed || isFailure)) {
        shown++;
        print(entry);
      }
    }
    if (problem != null && shown == 0) {
      throw new InputException(
          "%s has no %s of problem '%s'; without --problem it is listed whole"
              .formatted(cache, failed ? "failure" : "decomposition", problem));
    }
    byDecomposer.forEach(
        (id, counts) ->
            System.out.printf(
                "%s: %d decompositions, %d failed, %d steps%n",
                id, counts[0], counts[1], counts[2]));
    if (entries.isEmpty()) {
      System.out.printf("%s is empty%n", cache);
    }
  }

  private void print(TeacherCache.Entry entry) {
    String outcome =
        entry.decomposition() instanceof Decomposition.Failed failure
            ? "failed: " + failure.reason()
            : ((Decomposition.Parsed) entry.decomposition()).structure().steps().size() + " steps";
    System.out.printf(
        "%s  %s  %s%n", entry.problemId(), entry.contentHash().substring(0, 12), outcome);
    if (problem != null && entry.decomposition() instanceof Decomposition.Parsed parsed) {
      System.out.println(StructureRenderer.render(parsed.structure()));
    }
  }
}
