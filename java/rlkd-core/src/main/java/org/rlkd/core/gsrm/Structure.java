package org.rlkd.core.gsrm;

import java.util.List;

/**
 * The steps of a reasoning path in their order.
 *
 * @param steps possibly empty
 */
public record Structure(List<Step> steps) {

  public Structure {
    steps = List.copyOf(steps);
  }
}
