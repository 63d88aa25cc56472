"""Contender: cosines of pairs of sentences by sentence-transformers, all sentences in one call of encode.

    judge_sentence_transformers.py DIRECTORY PAIRS.json THREADS
"""

import json
import sys

import torch
from sentence_transformers import SentenceTransformer

import turns

torch.set_num_threads(int(sys.argv[3]))
model = SentenceTransformer(sys.argv[1], device="cpu")
with open(sys.argv[2]) as file:
    texts = [text for pair in json.load(file) for text in pair]
cosines = []


def judge():
    embeddings = model.encode(texts, show_progress_bar=False)
    cosines[:] = (embeddings[::2] * embeddings[1::2]).sum(1)
    return len(cosines)


turns.serve(judge, lambda: cosines)
