package org.rlkd.core.gsrm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class TeacherTreeTest {
  private static final TeacherTree.SameStep SAME_TASK =
      (one, other) ->
          one.metaReasoning().equals(other.metaReasoning()) && one.query().equals(other.query());

  private static Structure path(String... steps) {
    return new Structure(
        List.of(steps).stream().map(step -> new Step(step, step, "answer to " + step)).toList());
  }

  @Test
  void shared_beginnings_are_told_once() {
    TeacherTree tree =
        TeacherTree.merge(
            List.of(path("a", "b", "c"), path("a", "c", "b"), path("a", "b")), SAME_TASK);
    // a, its b and c, their ends, and b once more as the end of the shortest path
    assertThat(tree.nodes()).hasSize(6);
    assertThat(tree.parents()).containsOnlyOnce(-1);
  }

  @Test
  void a_node_keeps_every_wording_of_its_step() {
    Structure one = new Structure(List.of(new Step("m", "q", "5")));
    Structure other = new Structure(List.of(new Step("m", "q", "five")));
    TeacherTree tree = TeacherTree.merge(List.of(one, other, one), SAME_TASK);
    assertThat(tree.nodes()).hasSize(1);
    assertThat(tree.nodes().get(0).steps())
        .containsExactlyInAnyOrder(one.steps().get(0), other.steps().get(0));
  }

  @Test
  void paths_without_steps_add_nothing() {
    assertThat(TeacherTree.merge(List.of(path()), SAME_TASK).nodes()).isEmpty();
  }

  @Property
  void the_order_of_teachers_does_not_matter(
      @ForAll("teachers") List<Structure> teachers, @ForAll Random random) {
    List<Structure> shuffled = new java.util.ArrayList<>(teachers);
    Collections.shuffle(shuffled, random);
    // not transitive, so that a merge in another order would show
    TeacherTree.SameStep near =
        (one, other) -> Math.abs(one.query().charAt(0) - other.query().charAt(0)) <= 1;
    assertThat(TeacherTree.merge(shuffled, near)).isEqualTo(TeacherTree.merge(teachers, near));
  }

  @Property
  void every_teacher_is_a_path_from_the_root_to_a_leaf(
      @ForAll("teachers") List<Structure> teachers) {
    TeacherTree tree = TeacherTree.merge(teachers, SAME_TASK);
    for (Structure teacher : teachers) {
      int parent = -1;
      for (int i = 0; i < teacher.steps().size(); i++) {
        Step step = teacher.steps().get(i);
        boolean last = i + 1 == teacher.steps().size();
        int from = parent;
        parent =
            java.util.stream.IntStream.range(0, tree.nodes().size())
                .filter(node -> tree.nodes().get(node).parent() == from)
                .filter(node -> tree.nodes().get(node).steps().contains(step))
                .filter(node -> isLeaf(tree, node) == last)
                .findFirst()
                .orElseThrow();
      }
    }
  }

  private static boolean isLeaf(TeacherTree tree, int node) {
    return tree.nodes().stream().noneMatch(other -> other.parent() == node);
  }

  @Provide
  Arbitrary<List<Structure>> teachers() {
    return Arbitraries.of("a", "b", "c", "d", "e")
        .list()
        .ofMaxSize(4)
        .map(steps -> path(steps.toArray(new String[0])))
        .list()
        .ofMaxSize(5);
  }
}
