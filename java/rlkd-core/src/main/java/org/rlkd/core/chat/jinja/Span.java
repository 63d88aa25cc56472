package org.rlkd.core.chat.jinja;

/**
 * A piece of a text.
 *
 * @param start index of its first UTF-16 unit
 * @param end index after its last
 */
public record Span(int start, int end) {}
