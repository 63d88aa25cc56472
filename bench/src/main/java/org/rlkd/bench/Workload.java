package org.rlkd.bench;

/** A benchmark that knows its work, from its parameters alone. */
public interface Workload {
  /** The work of one operation. */
  Work work();
}
