package org.rlkd.core.chat.jinja;

/** A function, method or macro. */
@FunctionalInterface
interface Callable {

  Object call(Arguments arguments);
}
