package org.rlkd.cli.quickstart;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Tells a {@link QuantityGraph} as text: one sentence a quantity in a random wording, sentences
 * shuffled, the question last. A name always stands before its value and before the names it
 * depends on.
 */
public final class Wording {

  /** Names of quantities. */
  public static final List<String> NOUNS =
      List.of(
          "keys", "figs", "plums", "pens", "cups", "coins", "shells", "stones", "lamps", "books",
          "nuts", "boats");

  private static final List<String> GIVEN =
      List.of("the %s number %d.", "we count %s: %d.", "the %s are %d.");
  private static final List<String> SUM =
      List.of(
          "the %s equal %s plus %s.", "%s match %s and %s together.", "for %s join %s with %s.");
  private static final List<String> DIFFERENCE =
      List.of("the %s equal %s minus %s.", "%s match %s without %s.", "for %s reduce %s by %s.");
  private static final List<String> MORE =
      List.of("the %s equal %s plus %d.", "%s exceed %s by %d.", "for %s raise %s by %d.");
  private static final List<String> FEWER =
      List.of("the %s equal %s minus %d.", "%s trail %s by %d.", "for %s lower %s by %d.");
  private static final List<String> QUESTION = List.of("how many %s?", "what are the %s?");

  /** The patterns of every sentence, for a vocabulary to draw its words from. */
  public static List<String> patterns() {
    List<String> patterns = new ArrayList<>();
    List.of(GIVEN, SUM, DIFFERENCE, MORE, FEWER, QUESTION).forEach(patterns::addAll);
    return List.copyOf(patterns);
  }

  /** The problem's text: statements and question on one line. */
  public String tell(QuantityGraph graph, SplittableRandom random) {
    List<String> sentences = new ArrayList<>();
    for (int i = 0; i < graph.size(); i++) {
      sentences.add(statement(graph, i, random));
    }
    for (int i = sentences.size() - 1; i > 0; i--) {
      Collections.swap(sentences, i, random.nextInt(i + 1));
    }
    sentences.add(choose(QUESTION, random).formatted(graph.names().get(graph.target())));
    return String.join(" ", sentences);
  }

  private String statement(QuantityGraph graph, int quantity, SplittableRandom random) {
    List<String> names = graph.names();
    String name = names.get(quantity);
    Formula formula = graph.formulas().get(quantity);
    if (formula instanceof Formula.Given given) {
      return choose(GIVEN, random).formatted(name, given.value());
    }
    if (formula instanceof Formula.WithConstant constant) {
      return choose(constant.operation() == Operation.PLUS ? MORE : FEWER, random)
          .formatted(name, names.get(constant.left()), constant.constant());
    }
    Formula.OfTwo two = (Formula.OfTwo) formula;
    return choose(two.operation() == Operation.PLUS ? SUM : DIFFERENCE, random)
        .formatted(name, names.get(two.left()), names.get(two.right()));
  }

  private static String choose(List<String> patterns, SplittableRandom random) {
    return patterns.get(random.nextInt(patterns.size()));
  }
}
