"""Prompts and sizes of the workloads; org.rlkd.bench.Contender draws prompts of the same sizes."""

import random


def sizes(text):
    """"8x8x64x128": prompts, completions of each, tokens of a prompt, tokens of a completion."""
    prompts, group, prompt_tokens, completion_tokens = map(int, text.split("x"))
    return prompts, group, prompt_tokens, completion_tokens


def prompts(count, tokens, vocab):
    result = []
    for i in range(count):
        numbers = random.Random(i)
        result.append([numbers.randrange(20, vocab) for _ in range(tokens)])
    return result
