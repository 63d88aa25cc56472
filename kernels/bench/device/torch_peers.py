"""The work of device_bench by PyTorch, eager and compiled, on the same shapes: what a user would write without rlkd.

    torch_peers.py --names FILE --out FILE.jsonl --seconds S

FILE holds the names of the benchmarks (device_bench --benchmark_list_tests). One JSON object a line comes out:
name, eager_us, compile_us (medians of cold-cache runs by CUDA events, as in device_bench) or a note why not. Stops
by itself after S seconds. A compiled function is checked against the eager one before it is timed.
"""

import argparse
import json
import time

import torch

TEMPERATURE = 0.9


def logprob(logits, tokens):
    z = logits.float() / TEMPERATURE
    log_p = torch.log_softmax(z, -1)
    return log_p.gather(-1, tokens[:, None])[:, 0], -(log_p.exp() * log_p).sum(-1)


def normal(*shape, dtype=torch.bfloat16, scale=1.0):
    return torch.randn(*shape, device="cuda", dtype=dtype) * scale


def tokens_of(rows, vocab):
    return torch.randint(vocab, (rows,), device="cuda")


def forward_of(function, *inputs):
    return lambda: function(*inputs)


def backward_of(function, *inputs):
    """Forward and backward less forward would hide fusion: the backward alone, over a retained graph."""
    inputs = [x.requires_grad_() if x.is_floating_point() else x for x in inputs]
    out = function(*inputs)
    out = out[0] if isinstance(out, tuple) else out
    gradient = torch.ones_like(out)
    wanted = [x for x in inputs if x.requires_grad]
    return lambda: torch.autograd.grad(out, wanted, gradient, retain_graph=True)


def rmsnorm(x, weight):
    return torch.nn.functional.rms_norm(x, (x.shape[-1],), weight, 1e-6)


def swiglu(gate, up):
    return torch.nn.functional.silu(gate) * up


def rope(x, cosine, sine):
    first, second = x.chunk(2, -1)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), -1)


def group_advantage(rewards, weights, group):
    r = (rewards * weights).sum(1).view(-1, group)
    return ((r - r.mean(1, keepdim=True)) / (r.std(1, keepdim=True) + 1e-4)).view(-1)


def group_advantage_batch(rewards, weights, group):
    r = (rewards * weights).sum(1)
    g = r.view(-1, group)
    return ((g - g.mean(1, keepdim=True)) / (r.std() + 1e-4)).view(-1)


def dapo(logp, old, ref, mask, advantages):
    ratio = torch.exp(logp - old)
    policy = -torch.minimum(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages)
    kl = torch.exp(ref - logp) - (ref - logp) - 1
    return ((policy + 0.04 * kl) * mask).sum() / mask.numel()


def gspo(logp, old, ref, mask, advantages):
    mean = ((logp - old) * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)
    ratio = torch.exp(mean)
    policy = -torch.minimum(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages)
    kl = torch.exp(ref - logp) - (ref - logp) - 1
    return (((policy + 0.04 * kl) * mask).sum(1) / mask.sum(1).clamp(min=1)).mean()


def with_gradient(loss, logp, *inputs):
    """Loss and its gradient, as policy_loss gives both."""
    logp = logp.requires_grad_()
    return lambda: torch.autograd.grad(loss(logp, *inputs), logp)


def sample(logits, top_k):
    z = logits.float() / TEMPERATURE
    log_p = torch.log_softmax(z, -1)
    if top_k:
        z, ids = torch.topk(z, 50, -1)
        p = torch.softmax(z, -1)
        p = torch.where(p.cumsum(-1) - p >= 0.95, 0.0, p)
        token = ids.gather(-1, torch.multinomial(p, 1))
    else:
        token = torch.multinomial(log_p.exp(), 1)
    return token, log_p.gather(-1, token)


def attention(query, keys, values):
    return torch.nn.functional.scaled_dot_product_attention(query, keys, values, enable_gqa=True)


def work(name, p, dtype):
    """(function, its inputs, whether its output is random, how it is called) of one benchmark."""
    if name in ("logprob_forward", "logprob_backward"):
        inputs = (normal(p["rows"], p["vocab"], dtype=dtype, scale=3), tokens_of(p["rows"], p["vocab"]))
        return logprob, inputs, forward_of if name.endswith("forward") else backward_of
    if name in ("linear_logprob_forward", "linear_logprob_backward"):
        hidden = normal(p["rows"], p["hidden"])
        weight = normal(p["vocab"], p["hidden"], scale=3 / p["hidden"] ** 0.5)

        def linear_logprob(h, w, t):
            return logprob(h @ w.T, t)

        inputs = (hidden, weight, tokens_of(p["rows"], p["vocab"]))
        return linear_logprob, inputs, forward_of if name.endswith("forward") else backward_of
    if name in ("rmsnorm_forward", "rmsnorm_backward"):
        inputs = (normal(p["rows"], p["hidden"]), normal(p["hidden"]))
        return rmsnorm, inputs, forward_of if name.endswith("forward") else backward_of
    if name in ("swiglu_forward", "swiglu_backward"):
        inputs = (normal(p["rows"], p["intermediate"]), normal(p["rows"], p["intermediate"]))
        return swiglu, inputs, forward_of if name.endswith("forward") else backward_of
    if name == "rope_forward":
        tables = [normal(p["rows"], 1, 64) for _ in range(2)]
        return rope, (normal(p["rows"], p["heads"], 128), *tables), forward_of
    if name in ("group_advantage", "group_advantage_batch"):
        inputs = (normal(p["rows"], 3, dtype=torch.float32), normal(3, dtype=torch.float32), p["group"])
        return globals()[name], inputs, forward_of
    if name in ("policy_loss_dapo", "policy_loss_gspo"):
        shape = (p["sequences"], p["tokens"])
        matrices = [normal(*shape, dtype=torch.float32, scale=0.2) for _ in range(3)]
        length = p["tokens"] - torch.arange(shape[0], device="cuda") * 37 % (p["tokens"] // 2 + 1)
        mask = (torch.arange(shape[1], device="cuda")[None] < length[:, None]).float()
        inputs = (*matrices, mask, normal(shape[0], 1, dtype=torch.float32))
        return dapo if name.endswith("dapo") else gspo, inputs, with_gradient
    if name == "sampling_temperature":
        return sample, (normal(p["rows"], p["vocab"], scale=3), False), forward_of
    if name == "sampling_top_k_top_p":
        return sample, (normal(p["rows"], p["vocab"], scale=3), True), forward_of
    if name == "decode_attention":
        # Torch has no paged cache: contiguous keys and values, every row its own.
        cache = (p["sequences"], 2, p["context"], 128)
        return attention, (normal(p["sequences"], 12, 1, 128), normal(*cache), normal(*cache)), forward_of
    return None


RANDOM = ("sampling_temperature", "sampling_top_k_top_p")


class Timer:
    def __init__(self):
        l2 = torch.cuda.get_device_properties(0).L2_cache_size
        self.flush = torch.empty(2 * l2, dtype=torch.uint8, device="cuda")

    def median_us(self, call):
        times, total = [], 0.0
        for run in range(52):
            self.flush.zero_()
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record()
            call()
            end.record()
            end.synchronize()
            if run < 2:
                continue  # warms up
            times.append(begin.elapsed_time(end) * 1e3)
            total += times[-1]
            if len(times) >= 5 and total > 1e5:
                break
        return sorted(times)[len(times) // 2]


def agree(a, b):
    a, b = [x if isinstance(x, (tuple, list)) else (x,) for x in (a, b)]
    return all(torch.allclose(x.float(), y.float(), rtol=3e-2, atol=3e-2) for x, y in zip(a, b))


def adamw_us(timer, p):
    params = [torch.nn.Parameter(normal(p["elements"], dtype=torch.float32)) for _ in range(p["tensors"])]
    for x in params:
        x.grad = torch.randn_like(x)
    optimizer = torch.optim.AdamW(params, lr=1e-5, fused=True)
    return timer.median_us(optimizer.step)


def grad_norm_us(timer, p):
    grads = [normal(p["elements"]) for _ in range(p["tensors"])]
    return timer.median_us(lambda: torch.nn.utils.get_total_norm(grads))


def measure(timer, full):
    name, dtype, *shape = full.split("/")
    p = {key: int(value) for key, value in (part.split(":") for part in shape)}
    if name == "adamw":
        return {"eager_us": adamw_us(timer, p), "note": "float weights, AdamW(fused=True)"}
    if name == "grad_norm":
        return {"eager_us": grad_norm_us(timer, p)}
    found = work(name, p, getattr(torch, dtype))
    if found is None:
        return {"note": "no counterpart in torch"}
    function, inputs, called = found
    eager = called(function, *inputs)
    result = {"eager_us": timer.median_us(eager)}
    torch._dynamo.reset()
    compiled = called(torch.compile(function, dynamic=False), *inputs)
    if name not in RANDOM and not agree(eager(), compiled()):
        return {**result, "note": "torch.compile disagrees with eager"}
    result["compile_us"] = timer.median_us(compiled)
    return result


def by_importance(names):
    """One shape of every kernel before the second of any, since compiling may use up the time; the head first."""
    seen, keys = {}, {}
    for full in names:
        name = full.split("/")[0]
        seen[name] = seen.get(name, 0) + 1
        keys[full] = (seen[name], not name.startswith("linear_logprob"))
    return sorted(names, key=keys.get)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--names", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    arguments = parser.parse_args()
    deadline = time.monotonic() + arguments.seconds
    names = [line.strip().split("/iterations:")[0] for line in open(arguments.names) if "/" in line]
    timer, done = Timer(), 0
    with open(arguments.out, "w") as out:
        for full in by_importance(names):
            if time.monotonic() > deadline:
                break
            try:
                result = measure(timer, full)
            except Exception as failure:  # out of memory, a shape that torch.compile refuses
                result = {"note": f"{type(failure).__name__}: {failure}".splitlines()[0][:120].replace('"', "'")}
            out.write(json.dumps({"name": full, **result}) + "\n")
            out.flush()
            torch.cuda.empty_cache()
            done += 1
    print(f"torch {torch.__version__}: {done} of {len(names)} benchmarks in {arguments.seconds:.0f} s at most")


if __name__ == "__main__":
    main()
