"""Contender: steps of TRL's GRPOTrainer, one on-policy update of all completions; each step waits for its turn."""

import os
import sys
import tempfile
import time

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

import shapes
import turns

work, directory, threads = sys.argv[1], sys.argv[2], int(sys.argv[4])
torch.set_num_threads(threads)
prompts, group, prompt_tokens, new_tokens = shapes.sizes(sys.argv[3])
model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
tokenizer = PreTrainedTokenizerFast.from_pretrained(directory)
if tokenizer.pad_token is None:
    tokenizer.pad_token = tokenizer.eos_token
texts = [tokenizer.decode(p) for p in shapes.prompts(prompts, prompt_tokens, len(tokenizer))]


def reward(completions, **_):
    return [hash(str(c)) % 1000 / 1000 for c in completions]


class Turns(TrainerCallback):
    """The first step is not measured."""

    def __init__(self):
        self.start = None
        self.cpu = None

    def on_step_begin(self, args, state, control, **_):
        if state.global_step == 0:
            return
        if state.global_step == 1:
            turns.say({"ready": True, "results": []})
        if not turns.wait_for_turn():
            turns.say({"peak_mb": turns.peak_mb()})
            os._exit(0)
        self.cpu, self.start = time.process_time(), time.perf_counter()

    def on_step_end(self, args, state, control, **_):
        if self.start is not None:
            seconds, cpu_seconds = time.perf_counter() - self.start, time.process_time() - self.cpu
            turns.say({"seconds": seconds, "cpu_seconds": cpu_seconds, "items": prompts * group * new_tokens})


GRPOTrainer(
    model=model,
    processing_class=tokenizer,
    reward_funcs=reward,
    train_dataset=Dataset.from_dict({"prompt": texts}),
    callbacks=[Turns()],
    args=GRPOConfig(
        output_dir=tempfile.mkdtemp(),
        use_cpu=True,
        bf16=False,
        fp16=False,
        gradient_checkpointing=work == "step-checkpointing",
        per_device_train_batch_size=prompts * group,
        num_generations=group,
        max_completion_length=new_tokens,
        generation_kwargs={"min_new_tokens": new_tokens},
        max_steps=1000,
        learning_rate=1e-5,
        beta=0.0,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    ),
).train()
