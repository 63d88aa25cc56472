"""Logits of saved checkpoints by transformers and PEFT.

Reads cases from a JSON file: {"model": DIR, "adapter": DIR or null, "input_ids": [[...]], "attention_mask": [[...]],
"out": FILE}. Writes each case's logits [batch, length, vocab] as little-endian float32. Fails where a tensor of the
checkpoint is missing, unexpected or of another shape.
"""

import json
import sys

import numpy
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
for case in json.load(open(sys.argv[1])):
    model, loading = AutoModelForCausalLM.from_pretrained(
        case["model"], dtype=torch.float32, attn_implementation="eager", output_loading_info=True, local_files_only=True
    )
    problems = {key: found for key, found in loading.items() if found}
    if problems:
        sys.exit(f"{case['model']}: {problems}")
    if case["adapter"] is not None:
        model = PeftModel.from_pretrained(model, case["adapter"])
    model.eval()
    with torch.no_grad():
        logits = model(
            input_ids=torch.tensor(case["input_ids"]), attention_mask=torch.tensor(case["attention_mask"])
        ).logits
    logits.numpy().astype("<f4").tofile(case["out"])
