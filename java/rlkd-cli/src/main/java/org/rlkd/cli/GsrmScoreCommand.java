package org.rlkd.cli;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.rlkd.core.InputException;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.config.GrpoConfig;
import org.rlkd.core.data.Problem;
import org.rlkd.core.data.TeacherPath;
import org.rlkd.core.gsrm.Step;
import org.rlkd.core.reward.RewardSample;
import org.rlkd.core.reward.StructureAssessment;
import org.rlkd.engine.gsrm.Gsrm;
import org.rlkd.engine.tensor.Device;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rlkd gsrm score}: one student path against one or several teacher paths, explained. */
@Command(
    name = "score",
    description = {
      "Scores the reasoning of one file against that of others and explains it step by step.",
      "The files hold tagged steps ([sub-think 1]: ... [Query 1]: ... [Answer 1]: ...), or any"
          + " reasoning with a --decomposer that finds its steps."
    },
    mixinStandardHelpOptions = true)
final class GsrmScoreCommand implements Runnable {
  @Option(names = "--student", required = true, paramLabel = "FILE", description = "UTF-8 text.")
  private Path student;

  @Option(
      names = "--teacher",
      required = true,
      paramLabel = "FILE",
      description = "UTF-8 text; may be repeated, which --alignment tree makes use of.")
  private List<Path> teachers;

  @Option(
      names = "--problem",
      paramLabel = "FILE",
      description = "The problem's statement, which models are shown.")
  private Path problem;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "Takes rlkd.gsrm from a configuration.")
  private Path config;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Overrides a key, for example rlkd.gsrm.gap_decay=0.9. May be repeated.")
  private List<String> settings = List.of();

  @Option(
      names = "--decomposer",
      paramLabel = "NAME|DIR",
      description = "tagged (default), gsm8k-socratic, endpoint, or the directory of a model.")
  private String decomposer;

  @Option(
      names = "--judge",
      paramLabel = "NAME|DIR",
      description = "lexical (default), embedding, endpoint, or the directory of a model.")
  private String judge;

  @Option(names = "--alignment", description = "prefix (default), monotone or tree.")
  private String alignment;

  @Option(names = "--normalize", description = "none (default), teacher or max.")
  private String normalize;

  @Override
  public void run() {
    if (config != null && !Files.isRegularFile(config)) {
      throw new InputException(
          "--config %s: there is no such file, expected a YAML configuration".formatted(config));
    }
    GrpoConfig options = GrpoConfig.load(Optional.ofNullable(config), settings());
    List<TeacherPath> paths =
        teachers.stream().map(file -> new TeacherPath(text(file), null)).toList();
    String statement = problem == null ? "" : text(problem);
    RewardSample sample =
        new RewardSample(
            new Problem("pair", List.of(new ChatMessage("user", statement)), null, paths),
            text(student),
            0,
            false);
    try (Gsrm gsrm = Gsrm.open(options.gsrm(), null, Device.CPU)) {
      print(gsrm.reward().explain(List.of(sample)).get(0));
    }
  }

  private List<String> settings() {
    List<String> all = new ArrayList<>(settings);
    add(all, "decomposer", decomposer);
    add(all, "judge", judge);
    add(all, "alignment", alignment);
    add(all, "normalize", normalize);
    return all;
  }

  private static void add(List<String> settings, String key, String value) {
    if (value != null) {
      settings.add("rlkd.gsrm." + key + "=" + value);
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (NoSuchFileException e) {
      throw new InputException("%s does not exist; give a text file".formatted(file), e);
    } catch (CharacterCodingException e) {
      throw new InputException("%s is not UTF-8 text".formatted(file), e);
    } catch (IOException e) {
      throw new InputException("%s cannot be read: %s".formatted(file, e), e);
    }
  }

  private void print(StructureAssessment assessment) {
    if (assessment.unscorableReason() != null) {
      throw new InputException(
          "%s cannot be scored: %s".formatted(student, assessment.unscorableReason()));
    }
    List<StructureAssessment.StudentStep> steps = assessment.studentSteps();
    boolean[] met = new boolean[assessment.teacherSteps().size()];
    double sum = 0;
    for (int i = 0; i < steps.size(); i++) {
      StructureAssessment.StudentStep step = steps.get(i);
      int partner = step.teacherStep();
      if (partner < 0) {
        System.out.printf("student step %d: no teacher step, earns 0%n", i + 1);
        line("meta", "", step.step().metaReasoning(), null);
        continue;
      }
      met[partner] = true;
      sum += step.reward();
      System.out.printf(
          "student step %d with teacher step %d: earns %s%n",
          i + 1, partner + 1, number(step.reward()));
      Step teacher = assessment.teacherSteps().get(partner);
      line(
          "meta",
          number(step.judgement().meta()),
          step.step().metaReasoning(),
          teacher.metaReasoning());
      line("query", number(step.judgement().query()), step.step().query(), teacher.query());
      line("answer", number(step.judgement().answer()), step.step().answer(), teacher.answer());
    }
    for (int t = 0; t < met.length; t++) {
      if (!met[t]) {
        System.out.printf("teacher step %d: no student step%n", t + 1);
        line("meta", "", null, assessment.teacherSteps().get(t).metaReasoning());
      }
    }
    System.out.printf(
        "reward %s (steps earn %s; %d student steps, %d teacher steps)%n",
        number(assessment.reward()), number(sum), steps.size(), met.length);
  }

  private static void line(String name, String agreement, String student, String teacher) {
    if (student != null) {
      System.out.printf("  %-6s %-5s  student: %s%n", name, agreement, shown(student));
    }
    if (teacher != null) {
      System.out.printf(
          "  %-6s %-5s  teacher: %s%n",
          student == null ? name : "", student == null ? agreement : "", shown(teacher));
    }
  }

  private static String shown(String text) {
    return text.isBlank() ? "(none)" : text.strip().replaceAll("\\s+", " ");
  }

  private static String number(double value) {
    String text = String.format(Locale.ROOT, "%.3f", value);
    return text.replaceFirst("\\.?0+$", "");
  }
}
