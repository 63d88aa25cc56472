package org.rlkd.core.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.rlkd.core.gsrm.SocraticDecomposer;
import org.rlkd.core.gsrm.Step;
import org.rlkd.core.gsrm.Structure;

/**
 * The {@code answer} column of GSM8K: solution lines, then {@code #### answer}. In the socratic
 * form a line is {@code sub-question ** solution}, which is a teacher's structure.
 *
 * @param answer the text after {@code ####}, thousands separators taken out
 * @param teacher the reasoning, calculator marks ({@code <<16-3=13>>}) taken out. The socratic form
 *     brings its structure: each line is a step whose query is the sub-question and whose answer is
 *     the solution. Asking that question next is all the data says of the meta-reasoning, so the
 *     question stands for it too ({@link SocraticDecomposer})
 */
record GsmSolution(String answer, TeacherPath teacher) {
  private static final String FINAL = "####";
  private static final Pattern CALCULATION = Pattern.compile("<<[^<>]*>>");

  static boolean matches(String text) {
    return text.contains(FINAL);
  }

  static GsmSolution parse(String text) {
    int end = text.lastIndexOf(FINAL);
    String answer = text.substring(end + FINAL.length()).strip().replace(",", "");
    List<Step> steps = new ArrayList<>();
    List<String> lines = new ArrayList<>();
    boolean socratic = true;
    for (String line : text.substring(0, end).split("\n")) {
      String solution = CALCULATION.matcher(line).replaceAll("").strip();
      if (solution.isEmpty()) {
        continue;
      }
      Optional<Step> step = SocraticDecomposer.step(line);
      socratic &= step.isPresent();
      if (step.isPresent()) {
        steps.add(step.get());
        solution = step.get().query() + " " + step.get().answer();
      }
      lines.add(solution);
    }
    boolean structured = socratic && !steps.isEmpty();
    return new GsmSolution(
        answer,
        new TeacherPath(String.join("\n", lines), structured ? new Structure(steps) : null));
  }
}
