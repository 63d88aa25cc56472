package org.rlkd.cli.quickstart;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Tells a {@link QuantityGraph} as text: the question, then one sentence a quantity in a random
 * wording, sentences shuffled.
 *
 * <p>A colon marks the name that a sentence defines. {@link Vocabulary} makes name and colon one
 * token, which occurs once in a problem: a small model learns to look a definition up many times
 * sooner than if the name were the same token where it is defined and where it is used.
 */
public final class Wording {

  /** Names of quantities. */
  public static final List<String> NOUNS =
      List.of("keys", "figs", "plums", "pens", "cups", "coins", "shells", "books");

  private static final List<String> SUM =
      List.of("the %s: %s plus %s.", "count %s: %s and %s together.", "for %s: %s with %s.");
  private static final List<String> DIFFERENCE =
      List.of("the %s: %s minus %s.", "count %s: %s without %s.", "for %s: %s less %s.");
  private static final List<String> QUESTION = List.of("how many %s?", "what are the %s?");

  /** The patterns of every sentence, for a vocabulary to draw its words from. */
  public static List<String> patterns() {
    List<String> patterns = new ArrayList<>();
    List.of(SUM, DIFFERENCE, QUESTION).forEach(patterns::addAll);
    return List.copyOf(patterns);
  }

  /** The problem's text: question and statements on one line. */
  public String tell(QuantityGraph graph, SplittableRandom random) {
    List<String> sentences = new ArrayList<>();
    for (int i = 0; i < graph.size(); i++) {
      sentences.add(statement(graph, i, random));
    }
    shuffle(sentences, random);
    sentences.add(0, choose(QUESTION, random).formatted(graph.names().get(graph.target())));
    return String.join(" ", sentences);
  }

  private static void shuffle(List<String> sentences, SplittableRandom random) {
    for (int i = sentences.size() - 1; i > 0; i--) {
      Collections.swap(sentences, i, random.nextInt(i + 1));
    }
  }

  private String statement(QuantityGraph graph, int quantity, SplittableRandom random) {
    Formula formula = graph.formulas().get(quantity);
    return choose(formula.operation() == Operation.PLUS ? SUM : DIFFERENCE, random)
        .formatted(graph.names().get(quantity), graph.left(quantity), graph.right(quantity));
  }

  private static String choose(List<String> patterns, SplittableRandom random) {
    return patterns.get(random.nextInt(patterns.size()));
  }
}
