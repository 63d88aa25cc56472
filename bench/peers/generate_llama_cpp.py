"""Contender: llama.cpp, one batch of all sequences a step, the prompt of a group evaluated once and shared in the cache."""

import sys

import llama_cpp as llama

import shapes
import turns

path, threads = sys.argv[1], int(sys.argv[3])
prompts, group, prompt_tokens, new_tokens = shapes.sizes(sys.argv[2])
sequences = prompts * group
llama.llama_backend_init()
model_params = llama.llama_model_default_params()
model = llama.llama_model_load_from_file(path.encode(), model_params)
context_params = llama.llama_context_default_params()
context_params.n_ctx = sequences * (prompt_tokens + new_tokens)
context_params.n_batch = context_params.n_ubatch = max(512, sequences)
context_params.n_seq_max = sequences
context_params.n_threads = context_params.n_threads_batch = threads
context_params.kv_unified = True
context = llama.llama_init_from_model(model, context_params)
vocab = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
texts = shapes.prompts(prompts, prompt_tokens, vocab)
samplers = []
for i in range(sequences):
    chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
    llama.llama_sampler_chain_add(chain, llama.llama_sampler_init_temp(1.0))
    llama.llama_sampler_chain_add(chain, llama.llama_sampler_init_dist(i))
    samplers.append(chain)
batch = llama.llama_batch_init(max(512, sequences), 0, 1)


def put(index, token, position, sequence, logits):
    batch.token[index] = token
    batch.pos[index] = position
    batch.n_seq_id[index] = 1
    batch.seq_id[index][0] = sequence
    batch.logits[index] = logits


def decode(count):
    batch.n_tokens = count
    if llama.llama_decode(context, batch) != 0:
        raise RuntimeError("llama_decode failed")


def generate():
    memory = llama.llama_get_memory(context)
    llama.llama_memory_clear(memory, True)
    tokens = [0] * sequences
    for p, text in enumerate(texts):
        first = p * group
        for i, token in enumerate(text):
            put(i, token, i, first, i == prompt_tokens - 1)
        decode(prompt_tokens)
        for s in range(first, first + group):
            if s > first:
                llama.llama_memory_seq_cp(memory, first, s, -1, -1)
            tokens[s] = llama.llama_sampler_sample(samplers[s], context, prompt_tokens - 1)
    for step in range(new_tokens - 1):
        for s in range(sequences):
            put(s, tokens[s], prompt_tokens + step, s, True)
        decode(sequences)
        for s in range(sequences):
            tokens[s] = llama.llama_sampler_sample(samplers[s], context, s)
    return sequences * new_tokens


turns.serve(generate)
