package org.rlkd.core.gsrm;

/**
 * The judgements of one student path against one teacher tree: a pair of {@code
 * rlkd_structure_alignment}.
 *
 * <p>{@code meta}, {@code query} and {@code answer} are [n, m] row-major: entry {@code i * m + j}
 * is student step i against teacher node j, a probability in [0, 1] or NaN for a failed judge. The
 * arrays are not copied; don't change them afterwards.
 *
 * @param studentSteps n, may be 0
 * @param parents m entries: the parent of each teacher node, -1 at root level; a parent stands
 *     before its children. One teacher path is the chain -1, 0, 1, ...; no entries is an empty
 *     teacher, which is unscorable
 */
public record AlignmentPair(
    float[] meta, float[] query, float[] answer, int studentSteps, int[] parents) {
  public AlignmentPair {
    long judgements = (long) studentSteps * parents.length;
    if (studentSteps < 0
        || meta.length != judgements
        || query.length != judgements
        || answer.length != judgements) {
      throw new IllegalArgumentException(
          "judgements [meta %d, query %d, answer %d]; expected %d student steps x %d teacher nodes each"
              .formatted(meta.length, query.length, answer.length, studentSteps, parents.length));
    }
    for (int node = 0; node < parents.length; node++) {
      if (parents[node] < -1 || parents[node] >= node) {
        throw new IllegalArgumentException(
            "parent of teacher node %d is %d; expected -1 or a node before it"
                .formatted(node, parents[node]));
      }
    }
  }

  /** m, the number of nodes of the teacher tree. */
  public int teacherNodes() {
    return parents.length;
  }
}
