package org.rlkd.engine.training;

import org.rlkd.engine.generation.Completion;

/**
 * A completion and what it continues.
 *
 * @param text the completion decoded, special tokens removed
 */
record SampledCompletion(GrpoPrompt prompt, Completion completion, String text) {}
