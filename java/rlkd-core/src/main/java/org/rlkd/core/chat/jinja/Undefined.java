package org.rlkd.core.chat.jinja;

/**
 * The value of a name, attribute or item that does not exist: prints as nothing, is false and
 * empty, and fails in any other operation.
 *
 * @param message what does not exist, in Jinja's words
 */
record Undefined(String message) {

  static Undefined name(String name) {
    return new Undefined("'" + name + "' is undefined");
  }

  TemplateException error() {
    return new TemplateException(message);
  }
}
