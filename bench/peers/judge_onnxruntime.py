"""Contender: cosines of pairs of sentences by ONNX Runtime alone, in batches of 32 as they come.

    judge_onnxruntime.py MODEL.onnx PAIRS.json THREADS
"""

import json
import pathlib
import sys

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

import turns

BATCH = 32

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(sys.argv[3])
session = onnxruntime.InferenceSession(sys.argv[1], options)
output = session.get_outputs()[0].name
tokenizer = Tokenizer.from_file(str(pathlib.Path(sys.argv[1]).parent / "tokenizer.json"))
tokenizer.enable_padding()
tokenizer.enable_truncation(256)
with open(sys.argv[2]) as file:
    texts = [text for pair in json.load(file) for text in pair]
cosines = []


def embed(batch):
    encodings = tokenizer.encode_batch(batch)
    ids = np.array([e.ids for e in encodings])
    mask = np.array([e.attention_mask for e in encodings])
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    states = session.run([output], inputs)[0]
    means = (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def judge():
    embeddings = np.concatenate([embed(texts[i : i + BATCH]) for i in range(0, len(texts), BATCH)])
    cosines[:] = (embeddings[::2] * embeddings[1::2]).sum(1)
    return len(cosines)


turns.serve(judge, lambda: cosines)
