package org.rlkd.core.endpoint;

import java.util.List;
import org.rlkd.core.chat.ChatMessage;

/**
 * One question to a chat model.
 *
 * @param messages the conversation up to the model's turn
 * @param maxTokens most tokens of the reply
 * @param temperature 0 = greedy
 * @param seed of the server's sampling, where it knows seeds
 * @param firstTokenProbabilities whether the likeliest first tokens are wanted with their
 *     probabilities
 */
public record ChatRequest(
    List<ChatMessage> messages,
    int maxTokens,
    double temperature,
    long seed,
    boolean firstTokenProbabilities) {}
