package org.rlkd.core.math;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * A set of real numbers as disjoint intervals in rising order; a single number is a closed interval
 * of length 0.
 *
 * <p>Ends closer than {@link Closeness} allows are one and the same.
 */
record RealSet(List<Interval> intervals) {
  static final RealSet EMPTY = new RealSet(List.of());
  static final RealSet ALL =
      of(new Interval(Double.NEGATIVE_INFINITY, false, Double.POSITIVE_INFINITY, false));

  /** An interval; an infinite end is open. */
  record Interval(double low, boolean lowClosed, double high, boolean highClosed) {
    private boolean contains(double x) {
      boolean above = Closeness.equal(x, low) ? lowClosed : x > low;
      boolean below = Closeness.equal(x, high) ? highClosed : x < high;
      return above && below;
    }
  }

  static RealSet of(Interval interval) {
    boolean empty =
        Closeness.equal(interval.low, interval.high)
            ? !(interval.lowClosed && interval.highClosed)
            : interval.low > interval.high;
    return empty ? EMPTY : new RealSet(List.of(interval));
  }

  static RealSet point(double x) {
    return of(new Interval(x, true, x, true));
  }

  RealSet union(RealSet other) {
    return combine(other, (one, two) -> one || two);
  }

  RealSet intersection(RealSet other) {
    return combine(other, (one, two) -> one && two);
  }

  RealSet minus(RealSet other) {
    return combine(other, (one, two) -> one && !two);
  }

  private interface Membership {
    boolean test(boolean one, boolean two);
  }

  /**
   * Tests every end of an interval and every gap between ends for membership, and joins what is in.
   */
  private RealSet combine(RealSet other, Membership membership) {
    List<Double> ends = new ArrayList<>();
    for (RealSet set : List.of(this, other)) {
      for (Interval interval : set.intervals) {
        ends.add(interval.low);
        ends.add(interval.high);
      }
    }
    ends.sort(Comparator.naturalOrder());
    List<Double> distinct = new ArrayList<>();
    for (double end : ends) {
      if (distinct.isEmpty() || !Closeness.equal(distinct.get(distinct.size() - 1), end)) {
        distinct.add(end);
      }
    }
    List<Interval> result = new ArrayList<>();
    Interval open = null;
    for (int i = 0; i < distinct.size(); i++) {
      double end = distinct.get(i);
      boolean atEnd = Double.isFinite(end) && membership.test(contains(end), other.contains(end));
      if (open != null && !atEnd) {
        result.add(new Interval(open.low, open.lowClosed, end, false));
        open = null;
      } else if (open == null && atEnd) {
        open = new Interval(end, true, end, true);
      }
      if (i + 1 == distinct.size()) {
        break;
      }
      double inGap = between(end, distinct.get(i + 1));
      boolean gap = membership.test(contains(inGap), other.contains(inGap));
      if (open == null && gap) {
        open = new Interval(end, false, end, false);
      } else if (open != null && !gap) {
        result.add(new Interval(open.low, open.lowClosed, end, true));
        open = null;
      }
    }
    if (open != null) {
      double end = distinct.get(distinct.size() - 1);
      result.add(new Interval(open.low, open.lowClosed, end, Double.isFinite(end)));
    }
    return new RealSet(List.copyOf(result));
  }

  private static double between(double low, double high) {
    if (Double.isInfinite(low)) {
      return Double.isInfinite(high) ? 0 : high - 1 - Math.abs(high);
    }
    return Double.isInfinite(high) ? low + 1 + Math.abs(low) : low + (high - low) / 2;
  }

  private boolean contains(double x) {
    return intervals.stream().anyMatch(interval -> interval.contains(x));
  }

  /** Whether both have the same intervals. */
  boolean sameAs(RealSet other) {
    if (intervals.size() != other.intervals.size()) {
      return false;
    }
    for (int i = 0; i < intervals.size(); i++) {
      Interval one = intervals.get(i);
      Interval two = other.intervals.get(i);
      if (!Closeness.equal(one.low, two.low)
          || !Closeness.equal(one.high, two.high)
          || one.lowClosed != two.lowClosed
          || one.highClosed != two.highClosed) {
        return false;
      }
    }
    return true;
  }
}
