"""Contender: structure rewards of judged pairs of paths in plain Python, a judgement an object.

    structure_python.py prefix|monotone PAIRSxSTUDENTxTEACHER
"""

import sys
from dataclasses import dataclass

import turns

GAP_DECAY = 0.7  # of org.rlkd.bench.StructureScoring too


@dataclass
class Judgement:
    meta: float
    query: float
    answer: float

    def weight(self):
        return 0.5 ** (1 - self.query) * 0.5 ** (1 - self.answer)


def probabilities():
    """The same numbers as org.rlkd.bench.StructureScoring draws."""
    state = 1
    while True:
        state = (1103515245 * state + 12345) & 0x7FFFFFFF
        yield (state >> 16) / 32768


def prefix(judgements):
    gate, reward = 1.0, 0.0
    for i, row in enumerate(judgements):
        if i == len(row):
            break
        gate *= row[i].meta
        reward += gate * row[i].weight()
    return reward


def monotone(judgements):
    n, m = len(judgements), len(judgements[0])
    value = [[0.0] * (m + 1) for _ in range(n + 1)]
    for i in reversed(range(n)):
        for j in reversed(range(m)):
            judgement = judgements[i][j]
            value[i][j] = max(
                judgement.meta * (judgement.weight() + value[i + 1][j + 1]),
                GAP_DECAY * value[i + 1][j],
                GAP_DECAY * value[i][j + 1],
            )
    return value[0][0]


score = {"prefix": prefix, "monotone": monotone}[sys.argv[1]]
pairs, student, teacher = map(int, sys.argv[2].split("x"))
draw = probabilities()
judged = [
    [[Judgement(next(draw), next(draw), next(draw)) for _ in range(teacher)] for _ in range(student)] for _ in range(pairs)
]
rewards = []


def score_all():
    rewards[:] = [score(judgements) for judgements in judged]
    return pairs


turns.serve(score_all, lambda: rewards)
