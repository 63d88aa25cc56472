package org.rlkd.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.gsrm.Decomposition;
import org.rlkd.core.gsrm.Reasoning;
import org.rlkd.core.gsrm.Step;
import org.rlkd.core.gsrm.Structure;
import org.rlkd.core.gsrm.TeacherCache;

class GsrmCommandTest {
  @TempDir Path folder;
  private Path student;
  private Path teacher;

  @BeforeEach
  void write() throws IOException {
    student =
        Files.writeString(
            folder.resolve("student.txt"),
            """
            [sub-think 1]: count the red apples
            [Query 1]: how many red apples are there?
            [Answer 1]: 5
            [sub-think 2]: add the green apples
            [Query 2]: red plus green apples?
            [Answer 2]: 8
            """);
    teacher =
        Files.writeString(
            folder.resolve("teacher.txt"),
            """
            <think>[Meta-reasoning 1]: count red apples
            [Sub-problem 1]: how many red apples?
            [Answer 1]: five
            [Meta-reasoning 2]: add green apples
            [Sub-problem 2]: red plus green apples?
            [Answer 2]: 9
            [Meta-reasoning 3]: share the apples among friends
            [Sub-problem 3]: apples for each friend?
            [Answer 3]: 3</think>
            """);
  }

  private CapturedRun score(String... options) {
    List<String> arguments =
        new java.util.ArrayList<>(
            List.of(
                "gsrm", "score", "--student", student.toString(), "--teacher", teacher.toString()));
    arguments.addAll(List.of(options));
    return CapturedRun.of(arguments.toArray(new String[0]));
  }

  @Test
  void a_pair_is_explained_step_by_step() {
    CapturedRun run = score("--normalize", "teacher");
    assertThat(run.exitCode()).isZero();
    assertThat(run.out().lines())
        .containsSubsequence(
            "student step 1 with teacher step 1: earns 1",
            "  meta   1      student: count the red apples",
            "                teacher: count red apples",
            "student step 2 with teacher step 2: earns 0.5",
            "  answer 0      student: 8",
            "                teacher: 9",
            "teacher step 3: no student step",
            "reward 0.5 (steps earn 1.5; 2 student steps, 3 teacher steps)");
  }

  @Test
  void several_teachers_are_merged_under_tree() {
    CapturedRun run =
        score("--alignment", "tree", "--normalize", "teacher", "--teacher", student.toString());
    assertThat(run.out()).contains("reward 1 (steps earn 2; 2 student steps, 2 teacher steps)");
  }

  @Test
  void the_embedding_judge_needs_nothing_but_the_program() {
    CapturedRun run = score("--judge", "embedding");
    assertThat(run.exitCode()).isZero();
    assertThat(run.out()).contains("student step 1 with teacher step 1").contains("reward 1.");
  }

  @Test
  void what_cannot_be_scored_and_what_is_not_there_is_refused_with_the_reason() throws IOException {
    Files.writeString(teacher, "no steps at all");
    CapturedRun unscorable = score();
    assertThat(unscorable.exitCode()).isEqualTo(1);
    assertThat(unscorable.error()).contains("student.txt", "the teacher path has no steps");
    Files.delete(teacher);
    assertThat(score().error()).contains("teacher.txt does not exist");
    Files.writeString(teacher, "[Query]: x");
    CapturedRun typo = score("--judge", "lexcal");
    assertThat(typo.exitCode()).isEqualTo(2);
    assertThat(typo.error()).contains("'lexcal'", "did you mean 'lexical'");
    assertThat(score("--judge", "endpoint").err())
        .contains("rlkd.gsrm.judge_endpoint.model: needed for rlkd.gsrm.judge: endpoint");
  }

  @Test
  void a_teacher_cache_is_listed_and_a_problem_shown_in_full() {
    Reasoning reasoning = new Reasoning("p", "r");
    Path cache = folder.resolve("teacher-cache.jsonl");
    try (TeacherCache open = TeacherCache.open(cache)) {
      open.put(
          "apples",
          "gsrm@1",
          reasoning,
          new Decomposition.Parsed(new Structure(List.of(new Step("why", "what", "5")))));
      open.put("pears", "gsrm@1", reasoning, new Decomposition.Failed("no tags"));
    }
    CapturedRun all = CapturedRun.of("gsrm", "show", folder.toString());
    assertThat(all.out())
        .contains("apples  " + reasoning.contentHash().substring(0, 12) + "  1 steps")
        .contains("failed: no tags")
        .contains("gsrm@1: 2 decompositions, 1 failed, 1 steps");
    assertThat(CapturedRun.of("gsrm", "show", cache.toString(), "--problem", "apples").out())
        .contains("[sub-think 1]: why\n[Query 1]: what\n[Answer 1]: 5")
        .doesNotContain("no tags");
    assertThat(CapturedRun.of("gsrm", "show", cache.toString(), "--failed").out())
        .doesNotContain("1 steps\n[")
        .contains("no tags");
    CapturedRun missing = CapturedRun.of("gsrm", "show", cache.toString(), "--problem", "plums");
    assertThat(missing.exitCode()).isEqualTo(1);
    assertThat(missing.error()).contains("'plums'");
    assertThat(CapturedRun.of("gsrm", "show", folder.resolve("none").toString()).error())
        .contains("does not exist");
  }
}
