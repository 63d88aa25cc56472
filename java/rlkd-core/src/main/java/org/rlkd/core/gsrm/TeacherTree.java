package org.rlkd.core.gsrm;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeMap;

/**
 * Several teacher paths merged into a prefix tree: the ways in which a problem can be solved,
 * shared beginnings told once.
 *
 * <p>A step goes into the first child of its path's node that holds a step with the same
 * meta-reasoning and query; else it opens a child. A node keeps every step merged into it, so that
 * a student step can agree with any wording. Paths are sorted by the hash of their content before
 * merging and equal ones are dropped, so the order in which they are given does not matter. The
 * last step of a path merges with last steps alone: every path is then one from the root level to a
 * leaf, of its own length, also where another one goes on.
 *
 * @param nodes a parent stands before its children
 */
public record TeacherTree(List<Node> nodes) {

  /**
   * A node of the tree.
   *
   * @param parent index of the parent, -1 at root level
   * @param steps the steps merged into it, without repetitions; at least one
   */
  public record Node(int parent, List<Step> steps) {
    public Node {
      steps = List.copyOf(steps);
    }
  }

  /**
   * Whether two steps of different teacher paths are the same step: same meta-reasoning and same
   * query.
   */
  @FunctionalInterface
  public interface SameStep {
    boolean test(Step one, Step other);
  }

  public TeacherTree {
    nodes = List.copyOf(nodes);
  }

  /** Merges paths; those without steps add nothing. */
  public static TeacherTree merge(List<Structure> teachers, SameStep sameStep) {
    List<Integer> parents = new ArrayList<>();
    List<List<Step>> steps = new ArrayList<>();
    List<List<Integer>> children = new ArrayList<>();
    List<Integer> roots = new ArrayList<>();
    List<Boolean> ends = new ArrayList<>();
    for (Structure teacher : sorted(teachers)) {
      int parent = -1;
      for (int i = 0; i < teacher.steps().size(); i++) {
        Step step = teacher.steps().get(i);
        boolean end = i + 1 == teacher.steps().size();
        List<Integer> siblings = parent < 0 ? roots : children.get(parent);
        int node = -1;
        for (int sibling : siblings) {
          if (ends.get(sibling) == end
              && steps.get(sibling).stream()
                  .anyMatch(other -> other.equals(step) || sameStep.test(step, other))) {
            node = sibling;
            break;
          }
        }
        if (node < 0) {
          node = parents.size();
          parents.add(parent);
          steps.add(new ArrayList<>());
          ends.add(end);
          children.add(new ArrayList<>());
          siblings.add(node);
        }
        if (!steps.get(node).contains(step)) {
          steps.get(node).add(step);
        }
        parent = node;
      }
    }
    List<Node> nodes = new ArrayList<>();
    for (int i = 0; i < parents.size(); i++) {
      nodes.add(new Node(parents.get(i), steps.get(i)));
    }
    return new TeacherTree(nodes);
  }

  /** The parent of each node, as {@link AlignmentPair} takes them. */
  public int[] parents() {
    return nodes.stream().mapToInt(Node::parent).toArray();
  }

  /** The nodes from the root level to the given one. */
  public List<Integer> pathTo(int node) {
    List<Integer> path = new ArrayList<>();
    for (int at = node; at >= 0; at = nodes.get(at).parent) {
      path.add(0, at);
    }
    return path;
  }

  /**
   * The pairs of steps whose agreement {@link #merge} may ask for: those of two paths at the same
   * depth.
   */
  public static List<StepPair> mergeQuestions(List<Structure> teachers) {
    List<Structure> sorted = sorted(teachers);
    List<StepPair> pairs = new ArrayList<>();
    for (int later = 1; later < sorted.size(); later++) {
      for (int earlier = 0; earlier < later; earlier++) {
        List<Step> one = sorted.get(later).steps();
        List<Step> other = sorted.get(earlier).steps();
        for (int i = 0; i < Math.min(one.size(), other.size()); i++) {
          if (!one.get(i).equals(other.get(i))) {
            pairs.add(new StepPair(one.get(i), other.get(i)));
          }
        }
      }
    }
    return pairs;
  }

  private static List<Structure> sorted(List<Structure> teachers) {
    TreeMap<String, Structure> byHash = new TreeMap<>(Comparator.naturalOrder());
    for (Structure teacher : teachers) {
      byHash.put(contentHash(StructureRenderer.render(teacher)), teacher);
    }
    return List.copyOf(byHash.values());
  }

  /** SHA-256 of the text in UTF-8, hexadecimal. */
  static String contentHash(String text) {
    return HexFormat.of().formatHex(sha256(text));
  }

  /** SHA-256 of the text in UTF-8. */
  static byte[] sha256(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java runtime has SHA-256", e);
    }
  }
}
