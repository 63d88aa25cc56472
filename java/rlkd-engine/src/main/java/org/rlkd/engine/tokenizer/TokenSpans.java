package org.rlkd.engine.tokenizer;

/**
 * Token ids of a text and where each came from.
 *
 * @param ids token ids, [T]
 * @param starts index of the first UTF-16 unit of each token in the text, [T]; for a token that is
 *     part of a character, of that character
 * @param ends index after the last UTF-16 unit of each token, [T]; equal to the start for a token
 *     that the tokenizer added
 */
public record TokenSpans(int[] ids, int[] starts, int[] ends) {}
