package org.rlkd.bench.growth;

import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.rlkd.bench.GrpoWorkload;

/**
 * One number of a workload that grows while the others stay.
 *
 * @param name of the number
 * @param points by rising size
 */
record Axis(String name, List<Point> points) {
  /**
   * A workload and its place on the axis.
   *
   * @param size value of the number
   */
  record Point(double size, GrpoWorkload workload) {}

  /** Model size, batch, lengths, group and vocabulary, each from one small workload upwards. */
  static List<Axis> all() {
    return List.of(
        new Axis(
            "parameters (width)",
            Stream.of(128, 256, 512, 1024)
                .map(hidden -> new GrpoWorkload(hidden, 2, 2048, 2, 4, 32, 32))
                .map(workload -> new Point(workload.parameters(), workload))
                .toList()),
        axis("layers", List.of(2, 4, 8, 16), n -> new GrpoWorkload(128, n, 2048, 2, 4, 32, 32)),
        axis("prompts", List.of(2, 4, 8, 16), n -> new GrpoWorkload(128, 2, 2048, n, 4, 32, 32)),
        axis(
            "group size", List.of(4, 8, 16, 32), n -> new GrpoWorkload(128, 2, 2048, 2, n, 32, 32)),
        axis(
            "completion tokens",
            List.of(32, 64, 128, 256),
            n -> new GrpoWorkload(128, 2, 2048, 2, 4, 32, n)),
        axis(
            "prompt tokens",
            List.of(32, 128, 512, 2048),
            n -> new GrpoWorkload(128, 2, 2048, 2, 4, n, 32)),
        axis(
            "vocabulary",
            List.of(2048, 8192, 32768, 131072),
            n -> new GrpoWorkload(128, 2, n, 2, 4, 32, 32)));
  }

  private static Axis axis(String name, List<Integer> sizes, IntFunction<GrpoWorkload> workload) {
    return new Axis(
        name, sizes.stream().map(size -> new Point(size, workload.apply(size))).toList());
  }
}
