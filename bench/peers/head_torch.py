"""Contenders: log-probabilities of the tokens and a policy-gradient loss from hidden states, forward and backward.

    head_torch.py eager|cce|liger ROWSxHIDDENxVOCAB THREADS

eager: the logits in memory. cce: cut-cross-entropy's torch.compile version. liger: Liger's chunked GRPO loss.
"""

import sys

import torch

import turns

kind = sys.argv[1]
rows, width, vocab = map(int, sys.argv[2].split("x"))
torch.set_num_threads(int(sys.argv[3]))
torch.manual_seed(1)
hidden = torch.randn(rows, width, requires_grad=True)
weight = (torch.randn(vocab, width) * 0.05).requires_grad_()
tokens = torch.randint(vocab, (rows,))
advantage = torch.randn(rows)

if kind == "eager":

    def loss():
        logits = hidden @ weight.t()
        logprob = logits.gather(1, tokens[:, None]).squeeze(1) - logits.logsumexp(1)
        return -(advantage * logprob).mean()

elif kind == "cce":
    from cut_cross_entropy import linear_cross_entropy

    def loss():
        return (advantage * linear_cross_entropy(hidden, weight, tokens, impl="torch_compile", reduction="none")).mean()

elif kind == "liger":
    from liger_kernel.chunked_loss import LigerFusedLinearGRPOLoss

    # One sequence a row of the batch; its chunk is one sequence.
    sequences = 8
    liger = LigerFusedLinearGRPOLoss(beta=0.0, compiled=True, use_ref_model=False, chunk_size=1, loss_type="grpo")
    mask = torch.ones(sequences, rows // sequences)
    of_sequence = advantage[:sequences]

    def loss():
        return liger(
            hidden.view(sequences, -1, width), weight, tokens.view(sequences, -1), mask, of_sequence
        )[0]

else:
    raise SystemExit(f"found contender {kind!r}; expected eager, cce or liger")


def step():
    hidden.grad = weight.grad = None
    loss().backward()


turns.serve(step)
