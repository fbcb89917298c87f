"""Held-out loss: mean negative log-likelihood per answer token, in nats."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from peft import PeftModel

from answer_loss import answer_losses, answer_states
from batches import padded
from rows import Row


@dataclass(frozen=True)
class HeldOut:
    loss: float
    tokens: int
    rows: int


@torch.inference_mode()
def held_out_loss(model: PeftModel, rows: Sequence[Row], batch_size: int) -> HeldOut:
    """Weighs every answer token alike, over all rows. Leaves the model in eval mode.

    The logits are computed in fp32, not merely cast to it: bf16 has steps of 0.06 at the size that
    logits have. Only answer positions are projected, which makes that affordable.
    """
    model.eval()
    causal = model.get_base_model()
    head = causal.get_output_embeddings().weight.float()
    total, tokens = 0.0, 0
    by_length = sorted(rows, key=lambda row: len(row.input_ids))
    for start in range(0, len(by_length), batch_size):
        ids, answers = padded(by_length[start : start + batch_size], head.device)
        hidden = causal.base_model(input_ids=ids, use_cache=False).last_hidden_state
        states, targets = answer_states(hidden, ids, answers)
        losses = answer_losses(states, head, targets)
        total += losses.double().sum().item()
        tokens += losses.numel()
    return HeldOut(total / tokens, tokens, len(rows))
