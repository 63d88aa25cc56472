"""Contender: transformers' generate, sampling at temperature 1, every sequence a row of one batch."""

import sys

import torch
from transformers import AutoModelForCausalLM

import shapes
import turns

torch.set_num_threads(int(sys.argv[3]))
prompts, group, prompt_tokens, new_tokens = shapes.sizes(sys.argv[2])
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
batch = torch.tensor(shapes.prompts(prompts, prompt_tokens, model.config.vocab_size)).repeat_interleave(group, 0)


@torch.no_grad()
def generate():
    out = model.generate(
        batch,
        attention_mask=torch.ones_like(batch),
        do_sample=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        max_new_tokens=new_tokens,
        min_new_tokens=new_tokens,
    )
    return out[:, prompt_tokens:].numel()


turns.serve(generate)
