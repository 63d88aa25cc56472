package org.rlkd.core.endpoint;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/**
 * How a server of chat completions is spoken to.
 *
 * @param baseUrl as OpenAI clients take it, {@code http://127.0.0.1:8000/v1}; {@code
 *     /chat/completions} is appended
 * @param model the name of the model in the requests
 * @param apiKeyVariable environment variable that holds the key; empty = no key is sent
 * @param concurrency most requests under way at once
 * @param timeout for one request, from connecting to the last byte of the reply
 * @param retries further tries of a request after one that may pass (no reply, 408, 429, 5xx, an
 *     unreadable reply)
 * @param requestBudget most requests in all, retries included
 * @param tokenProbabilities whether judges ask for {@code logprobs}; without, they answer by their
 *     words
 */
public record EndpointSettings(
    URI baseUrl,
    String model,
    Optional<String> apiKeyVariable,
    int concurrency,
    Duration timeout,
    int retries,
    long requestBudget,
    boolean tokenProbabilities) {}
