"""Contender: verdicts of math-verify on reference answers and texts, with its defaults.

    maths_math_verify.py PAIRS.jsonl
"""

import json
import sys

from math_verify import parse, verify

import turns

with open(sys.argv[1]) as file:
    rows = [json.loads(line) for line in file]
verdicts = []


def verify_all():
    verdicts[:] = [verify(parse("$" + row["gold"] + "$"), parse(row["answer_text"])) for row in rows]
    return len(verdicts)


turns.serve(verify_all, lambda: verdicts)
