package org.rlkd.engine.training;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Packs documents into rows: the longest first, each into the fullest row that has room for it
 * (Ding et al., "Fewer Truncations Improve Language Modeling", arXiv 2404.10830; TRL's {@code
 * packing_strategy: bfd}).
 */
final class BestFitDecreasing {
  private BestFitDecreasing() {}

  /**
   * Rows of documents, each with at least one.
   *
   * @param lengths tokens of each document, at most {@code capacity}
   * @param capacity tokens of a row
   * @return indices of the documents of each row; documents of the same length keep their order
   */
  static List<int[]> rows(int[] lengths, int capacity) {
    Integer[] order = new Integer[lengths.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, Comparator.comparingInt((Integer i) -> lengths[i]).reversed());
    List<List<Integer>> rows = new ArrayList<>();
    // Numbers of the rows by the room they have left; of equal ones the oldest is taken.
    TreeMap<Integer, Deque<Integer>> byRoom = new TreeMap<>();
    for (int document : order) {
      int length = lengths[document];
      if (length > capacity) {
        throw new IllegalArgumentException(
            "a document of " + length + " tokens for rows of " + capacity);
      }
      Map.Entry<Integer, Deque<Integer>> fullest = byRoom.ceilingEntry(length);
      int row;
      int room;
      if (fullest == null) {
        row = rows.size();
        rows.add(new ArrayList<>());
        room = capacity;
      } else {
        row = fullest.getValue().removeFirst();
        room = fullest.getKey();
        if (fullest.getValue().isEmpty()) {
          byRoom.remove(room);
        }
      }
      rows.get(row).add(document);
      byRoom.computeIfAbsent(room - length, left -> new ArrayDeque<>()).addLast(row);
    }
    return rows.stream().map(row -> row.stream().mapToInt(Integer::intValue).toArray()).toList();
  }
}
