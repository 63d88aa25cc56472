package org.rlkd.core.gsrm;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the tag form of a structure.
 *
 * <p>Tags, in any letter case, with or without a number and a colon: {@code [sub-think]} = {@code
 * [Meta-reasoning]} = {@code [Meat-reasoning]}; {@code [Query]} = {@code [Sub-problem]}; {@code
 * [Answer]}. Numbers are ignored: the order counts.
 *
 * <p>A meta-reasoning block opens a step; the query and the answer that follow belong to it,
 * several of them are joined by a line break, a missing one is empty. A query or answer before the
 * first meta-reasoning opens a step whose meta-reasoning is empty. Text before the first tag is
 * ignored, and so is the closing sentence ("So the final answer is: ...") after the last answer.
 *
 * <p>Where two or more tags stand at the start of a line, a tag within a line is a mention ("use
 * [Answer 1] to ...") unless a colon follows it; otherwise every tag counts.
 */
public final class StructureParser {
  private static final Pattern TAG =
      Pattern.compile(
          "(?<line>^[ \\t*>#-]*)?\\[\\s*(?:(?<meta>sub[- _]?think|me(?:ta|at)[- _]?reasoning)"
              + "|(?<query>query|sub[- _]?problem)|(?<answer>answer))\\s*\\d*\\s*\\](?:\\*\\*)?\\s*(?<colon>:)?",
          Pattern.CASE_INSENSITIVE | Pattern.MULTILINE);

  private static final Pattern CLOSING =
      Pattern.compile(
          "(?:^[ \\t*]*|(?<=\\s))(?:(?:so|thus|therefore|hence),?\\s+the\\s+|(?<=\\n)\\s*the\\s+)(?:final\\s+)?answer(?:\\s+is)?\\s*(?::|\\s).*",
          Pattern.CASE_INSENSITIVE | Pattern.MULTILINE | Pattern.DOTALL);

  /** What the prompt's "[Meat-reasoning]-[Sub-problem]-[Answer]" leaves at the end of a block. */
  private static final Pattern JOINER = Pattern.compile("\\s*-\\s*$");

  private enum Kind {
    META,
    QUERY,
    ANSWER
  }

  private record Block(Kind kind, String text) {}

  private StructureParser() {}

  /** Returns the steps of a tagged text; no steps if it has no tag. */
  public static Structure parse(String text) {
    List<Block> blocks = blocks(text);
    List<Step> steps = new ArrayList<>();
    String meta = null;
    List<String> queries = new ArrayList<>();
    List<String> answers = new ArrayList<>();
    for (Block block : blocks) {
      if (block.kind == Kind.META) {
        if (meta != null) {
          steps.add(new Step(meta, String.join("\n", queries), String.join("\n", answers)));
          queries.clear();
          answers.clear();
        } else if (!queries.isEmpty() || !answers.isEmpty()) {
          steps.add(new Step("", String.join("\n", queries), String.join("\n", answers)));
          queries.clear();
          answers.clear();
        }
        meta = block.text;
      } else {
        (block.kind == Kind.QUERY ? queries : answers).add(block.text);
      }
    }
    if (meta != null || !queries.isEmpty() || !answers.isEmpty()) {
      steps.add(
          new Step(
              meta == null ? "" : meta, String.join("\n", queries), String.join("\n", answers)));
    }
    return new Structure(steps);
  }

  private static List<Block> blocks(String text) {
    record Tag(Kind kind, int start, int end, boolean startsLine, boolean colon) {}
    List<Tag> tags = new ArrayList<>();
    Matcher matcher = TAG.matcher(text);
    while (matcher.find()) {
      Kind kind =
          matcher.group("meta") != null
              ? Kind.META
              : matcher.group("query") != null ? Kind.QUERY : Kind.ANSWER;
      tags.add(
          new Tag(
              kind,
              matcher.start(),
              matcher.end(),
              matcher.group("line") != null,
              matcher.group("colon") != null));
    }
    if (tags.stream().filter(Tag::startsLine).count() >= 2) {
      tags.removeIf(tag -> !tag.startsLine && !tag.colon);
    }
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < tags.size(); i++) {
      Tag tag = tags.get(i);
      boolean last = i + 1 == tags.size();
      String content =
          text.substring(tag.end, last ? text.length() : tags.get(i + 1).start).strip();
      if (tag.kind != Kind.ANSWER) {
        content = JOINER.matcher(content).replaceFirst("");
      } else if (last) {
        content = withoutClosingSentence(content);
      }
      blocks.add(new Block(tag.kind, content));
    }
    return blocks;
  }

  private static String withoutClosingSentence(String answer) {
    Matcher closing = CLOSING.matcher(answer);
    int from = 0;
    while (closing.find(from)) {
      String before = answer.substring(0, closing.start()).strip();
      if (!before.isEmpty()) {
        return before;
      }
      from = closing.start() + 1;
    }
    return answer;
  }
}
