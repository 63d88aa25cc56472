package org.rlkd.cli.quickstart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class QuickstartTaskTest {

  private static final int MAX_VALUE = 12;
  private static final GraphShape SHAPE = new GraphShape(3, 4, 2, 1, MAX_VALUE);
  private static final ProblemSampler SAMPLER =
      new ProblemSampler(new GraphSampler(SHAPE, Wording.NOUNS), 4);
  private static final int PROBLEMS = 300;

  private static final Pattern STATEMENT =
      Pattern.compile(
          "(?:the|count|for) (\\w+): (\\w+) (plus|and|with|minus|without|less) (\\w+)(?: together)?");
  private static final Pattern SENTENCE =
      Pattern.compile(
          "(?:next|so|now) (\\w+): (?:([a-z]+) )?(\\d+) (plus|minus) (?:([a-z]+) )?(\\d+)"
              + " (?:make|give|equal) (\\d+) (\\w+)\\.");

  private static List<Problem> problems(long seed) {
    return SAMPLER.sample(PROBLEMS, Set.of(), new SplittableRandom(seed));
  }

  @Test
  void the_answer_follows_from_the_text_of_the_prompt_alone() {
    for (Problem problem : problems(1)) {
      assertThat(solve(problem.prompt())).as(problem.prompt()).isEqualTo(problem.answer());
    }
  }

  @Test
  void every_teacher_path_computes_each_step_from_values_already_known() {
    for (Problem problem : problems(2)) {
      assertThat(problem.teacherPaths()).hasSizeGreaterThanOrEqualTo(SHAPE.minOrders());
      assertThat(problem.teacherPaths().stream().map(TeacherPath::order)).doesNotHaveDuplicates();
      for (TeacherPath path : problem.teacherPaths()) {
        Map<String, Integer> known = new HashMap<>();
        for (TeacherStep step : path.steps()) {
          Matcher sentence = SENTENCE.matcher(step.sentence());
          assertThat(sentence.matches()).as(step.sentence()).isTrue();
          int left = Integer.parseInt(sentence.group(3));
          int right = Integer.parseInt(sentence.group(6));
          if (sentence.group(2) != null) {
            assertThat(known).containsEntry(sentence.group(2), left);
          }
          if (sentence.group(5) != null) {
            assertThat(known).containsEntry(sentence.group(5), right);
          }
          int result = sentence.group(4).equals("plus") ? left + right : left - right;
          assertThat(sentence.group(7)).isEqualTo(Integer.toString(result));
          assertThat(sentence.group(8)).isEqualTo(sentence.group(1));
          assertThat(step.answer()).isEqualTo(result + " " + sentence.group(1));
          known.put(sentence.group(1), result);
        }
        assertThat(path.answer()).isEqualTo(problem.answer());
        assertThat(path.steps().get(path.steps().size() - 1).answer())
            .startsWith(problem.answer() + " ");
      }
    }
  }

  @Test
  void every_sub_problem_of_a_path_is_needed_and_none_is_missing() {
    for (Problem problem : problems(3)) {
      for (TeacherPath path : problem.teacherPaths()) {
        assertThat(path.order()).containsExactlyInAnyOrderElementsOf(problem.graph().subProblems());
      }
    }
  }

  @Test
  void a_diamond_has_both_orders_and_a_chain_has_one() {
    List<Formula> diamond =
        List.of(
            new Formula.OfNumbers(Operation.PLUS, 1, 2),
            new Formula.WithNumber(Operation.PLUS, 0, 1),
            new Formula.WithNumber(Operation.PLUS, 0, 2),
            new Formula.OfTwo(Operation.PLUS, 1, 2));
    QuantityGraph graph = new QuantityGraph(Wording.NOUNS.subList(0, 4), diamond, 3);
    assertThat(graph.solvingOrders())
        .containsExactlyInAnyOrder(List.of(0, 1, 2, 3), List.of(0, 2, 1, 3));
    assertThat(graph.answer()).isEqualTo(9);
    assertThat(new QuantityGraph(graph.names(), diamond, 2).solvingOrders())
        .containsExactly(List.of(0, 2));
  }

  @Test
  void a_graph_whose_quantity_depends_on_a_later_one_is_refused() {
    List<Formula> cyclic =
        List.of(
            new Formula.WithNumber(Operation.PLUS, 1, 1),
            new Formula.WithNumber(Operation.PLUS, 0, 1));
    assertThatThrownBy(() -> new QuantityGraph(List.of("a", "b"), cyclic, 1))
        .hasMessageContaining("operands must stand before");
  }

  @Test
  void the_canonical_form_ignores_names_and_order_of_summands_but_not_values() {
    Formula three = new Formula.OfNumbers(Operation.PLUS, 1, 2);
    Formula four = new Formula.OfNumbers(Operation.MINUS, 6, 2);
    Formula five = new Formula.OfNumbers(Operation.MINUS, 7, 2);
    Formula sum = new Formula.OfTwo(Operation.PLUS, 0, 1);
    String form = form(List.of("a", "b", "c"), three, four, sum);
    assertThat(form(List.of("d", "e", "f"), four, three, sum)).isEqualTo(form);
    assertThat(form(List.of("a", "b", "c"), three, five, sum)).isNotEqualTo(form);
  }

  private static String form(List<String> names, Formula... formulas) {
    return new QuantityGraph(names, List.of(formulas), 2).canonicalForm();
  }

  @Test
  void a_later_set_shares_no_problem_with_an_earlier_one() {
    SplittableRandom random = new SplittableRandom(4);
    GraphShape few = new GraphShape(1, 1, 1, 0, 4);
    ProblemSampler sampler = new ProblemSampler(new GraphSampler(few, Wording.NOUNS), 1);
    Set<String> heldOut = ProblemSampler.forms(sampler.sample(4, Set.of(), random));
    Set<String> train = ProblemSampler.forms(sampler.sample(500, heldOut, random));
    assertThat(train).isNotEmpty().doesNotContainAnyElementsOf(heldOut);
    assertThat(ProblemSampler.forms(sampler.sample(500, Set.of(), random)))
        .as("without the exclusion this small shape does repeat them")
        .containsAnyElementsOf(heldOut);
  }

  @Test
  void the_same_seed_gives_the_same_problems_and_another_seed_others() {
    assertThat(problems(5)).isEqualTo(problems(5)).isNotEqualTo(problems(6));
  }

  @Test
  void completions_satisfy_the_format_and_the_four_tag_counts() {
    Pattern format =
        Pattern.compile(
            "^<think>\\n.*?\\n</think>\\n<answer>\\n.*?\\n</answer>$",
            Pattern.DOTALL | Pattern.MULTILINE);
    for (Problem problem : problems(7)) {
      String completion = problem.teacherPaths().get(0).completion();
      assertThat(format.matcher(completion).find()).as(completion).isTrue();
      for (String tag : List.of("<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>")) {
        assertThat(completion.split(Pattern.quote(tag), -1)).as(tag).hasSize(2);
      }
    }
  }

  @Test
  void a_sloppy_path_without_flaws_is_correct_and_with_skips_leaves_sub_problems_out() {
    SplittableRandom random = new SplittableRandom(8);
    SloppyTeacher careful = new SloppyTeacher(0, 0, 0, MAX_VALUE);
    SloppyTeacher hasty = new SloppyTeacher(1, 0, 0, MAX_VALUE);
    int right = 0;
    for (Problem problem : problems(8)) {
      assertThat(careful.path(problem.graph(), random).answer()).isEqualTo(problem.answer());
      TeacherPath path = hasty.path(problem.graph(), random);
      assertThat(path.order()).containsExactly(problem.graph().target());
      right += path.answer().equals(problem.answer()) ? 1 : 0;
    }
    assertThat(right).as("guesses hit seldom").isBetween(1, PROBLEMS / 3);
  }

  @Test
  void a_detour_works_out_an_unneeded_quantity_before_the_target() {
    SplittableRandom random = new SplittableRandom(9);
    SloppyTeacher rambling = new SloppyTeacher(0, 0, 1, MAX_VALUE);
    Set<Integer> extra = new HashSet<>();
    for (Problem problem : problems(9)) {
      TeacherPath path = rambling.path(problem.graph(), random);
      extra.add(path.order().size() - problem.graph().subProblems().size());
      assertThat(path.order()).endsWith(problem.graph().target());
      assertThat(path.answer()).isEqualTo(problem.answer());
    }
    assertThat(extra).containsExactlyInAnyOrder(0, 1);
  }

  @Test
  void the_vocabulary_has_a_token_for_every_word_of_the_task_and_none_twice() {
    List<String> tokens = new Vocabulary(MAX_VALUE).tokens();
    assertThat(tokens).doesNotHaveDuplicates();
    Pattern token = Pattern.compile("[a-z]+:|\\w+|[^\\w\\s]");
    for (Problem problem : problems(10)) {
      TeacherPath path = problem.teacherPaths().get(0);
      String text = problem.prompt() + " " + path.reasoning();
      for (TeacherStep step : path.steps()) {
        text += " " + step.metaReasoning() + " " + step.query() + " " + step.answer();
      }
      assertThat(token.matcher(text).results().map(match -> match.group()).toList())
          .isSubsetOf(tokens);
    }
  }

  /** Solves a prompt by reading its text; shares no code with the graph. */
  private static String solve(String prompt) {
    int question = prompt.indexOf('?');
    String asked = prompt.substring(0, question).replaceAll(".* ", "");
    Map<String, Integer> values = new HashMap<>();
    String[] statements = prompt.substring(question + 1).strip().split("\\. ?");
    for (int round = 0; round < statements.length; round++) {
      for (String statement : statements) {
        Matcher told = STATEMENT.matcher(statement);
        assertThat(told.matches()).as(statement).isTrue();
        Integer left = value(told.group(2), values);
        Integer right = value(told.group(4), values);
        if (left != null && right != null) {
          boolean adds = List.of("plus", "and", "with").contains(told.group(3));
          values.put(told.group(1), adds ? left + right : left - right);
        }
      }
    }
    return String.valueOf(values.get(asked));
  }

  private static Integer value(String word, Map<String, Integer> values) {
    return word.matches("\\d+") ? Integer.valueOf(word) : values.get(word);
  }
}
