package org.rlkd.core.data.conversion;

import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.data.Problem;

/** The text of a problem without its conversation. */
final class Question {
  private Question() {}

  /** The last turn of the user. */
  static String of(Problem problem) {
    String question = "";
    for (ChatMessage message : problem.messages()) {
      question = message.role().equals("user") ? message.content() : question;
    }
    return question;
  }
}
