package org.rlkd.core.data;

import java.util.List;
import java.util.Objects;
import org.rlkd.core.chat.ChatMessage;

/**
 * One training or evaluation problem.
 *
 * @param id unique in its data set: the row's {@code id} column, or the row number
 * @param messages the prompt: an optional system message, then the conversation up to the turn that
 *     the student answers; never empty
 * @param answer the reference answer; null where none is needed
 * @param teacherPaths reasoning of the teacher, possibly none
 */
public record Problem(
    String id, List<ChatMessage> messages, String answer, List<TeacherPath> teacherPaths) {

  public Problem {
    Objects.requireNonNull(id, "id");
    messages = List.copyOf(messages);
    teacherPaths = List.copyOf(teacherPaths);
    if (messages.isEmpty()) {
      throw new IllegalArgumentException("problem " + id + " has no messages");
    }
  }
}
