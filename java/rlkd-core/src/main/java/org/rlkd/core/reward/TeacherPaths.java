package org.rlkd.core.reward;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.data.Problem;
import org.rlkd.core.data.TeacherPath;
import org.rlkd.core.gsrm.Decomposition;
import org.rlkd.core.gsrm.Reasoning;
import org.rlkd.core.gsrm.TeacherCache;

/**
 * The teacher paths of problems as decompositions: those that the data gives, and those of texts,
 * made once and kept in the {@link TeacherCache}, failures too.
 */
final class TeacherPaths {
  private final TeacherCache cache;
  private final String decomposerId;
  private final boolean all;
  private long lookups;
  private long hits;

  /**
   * @param all all paths of a problem; else its first alone
   */
  TeacherPaths(TeacherCache cache, String decomposerId, boolean all) {
    this.cache = cache;
    this.decomposerId = decomposerId;
    this.all = all;
  }

  /** The problem's texts that nothing is known of. */
  Set<Reasoning> unknown(Problem problem) {
    Set<Reasoning> unknown = new LinkedHashSet<>();
    for (TeacherPath path : paths(problem)) {
      Reasoning reasoning = reasoning(problem, path.text());
      if (path.structureOrNull() == null && !isKnown(problem, reasoning)) {
        unknown.add(reasoning);
      }
    }
    return unknown;
  }

  private boolean isKnown(Problem problem, Reasoning reasoning) {
    return cache.get(problem.id(), decomposerId, reasoning).isPresent();
  }

  /** What has to be decomposed before {@link #of} can answer for the problems. */
  Set<Reasoning> missing(Set<Problem> problems) {
    Set<Reasoning> missing = new LinkedHashSet<>();
    for (Problem problem : problems) {
      for (TeacherPath path : paths(problem)) {
        if (path.structureOrNull() == null) {
          Reasoning reasoning = reasoning(problem, path.text());
          lookups++;
          if (isKnown(problem, reasoning)) {
            hits++;
          } else {
            missing.add(reasoning);
          }
        }
      }
    }
    return missing;
  }

  /**
   * The decompositions of a problem's paths; new ones go into the cache.
   *
   * @param made of what was {@link #missing}
   */
  List<Decomposition> of(Problem problem, Map<Reasoning, Decomposition> made) {
    List<Decomposition> decompositions = new ArrayList<>();
    for (TeacherPath path : paths(problem)) {
      if (path.structureOrNull() != null) {
        decompositions.add(new Decomposition.Parsed(path.structureOrNull()));
        continue;
      }
      Reasoning reasoning = reasoning(problem, path.text());
      Decomposition known = cache.get(problem.id(), decomposerId, reasoning).orElse(null);
      if (known == null) {
        known = made.get(reasoning);
        cache.put(problem.id(), decomposerId, reasoning, known);
      }
      decompositions.add(known);
    }
    return decompositions;
  }

  private List<TeacherPath> paths(Problem problem) {
    List<TeacherPath> paths = problem.teacherPaths();
    return all || paths.isEmpty() ? paths : paths.subList(0, 1);
  }

  /** The reasoning of a completion, or of a teacher's text. */
  static Reasoning reasoning(Problem problem, String text) {
    return new Reasoning(statement(problem), ReasoningText.of(text));
  }

  /** The last turn of the user. */
  private static String statement(Problem problem) {
    List<ChatMessage> messages = problem.messages();
    for (int i = messages.size() - 1; i >= 0; i--) {
      if (messages.get(i).role().equals("user")) {
        return messages.get(i).content();
      }
    }
    return "";
  }

  /** The share of texts that were there already; NaN before the first. */
  double hitRate() {
    return hits / (double) lookups;
  }
}
