package org.rlkd.core.data;

import java.util.Objects;
import org.rlkd.core.gsrm.Structure;

/**
 * One way in which the teacher solved a problem.
 *
 * @param text the reasoning
 * @param structureOrNull its steps where the data gives them (GSM8K socratic), or null: the
 *     decomposer finds them
 */
public record TeacherPath(String text, Structure structureOrNull) {

  public TeacherPath {
    Objects.requireNonNull(text, "text");
  }
}
