"""Which rows train at which step, and at which learning rate: pure, and the same for the same seed."""

import math
import random
from collections.abc import Sequence

# Shares of all steps. Warm-up is short: LoRA starts at zero difference from the base (B = 0).
WARMUP = 0.05


def plan_batches(
    lengths: Sequence[int], batch_size: int, epochs: float, max_steps: int | None, seed: int
) -> list[list[int]]:
    """The row indices of every step of the run.

    Each epoch takes every row once. Rows of like length share a batch, so that little goes into
    padding; batches come in random order, so that no epoch drifts from long rows to short ones.
    A fractional last epoch takes that share of its batches.
    """
    rng = random.Random(seed)
    batches_an_epoch = math.ceil(len(lengths) / batch_size)
    steps = math.ceil(batches_an_epoch * epochs)
    steps = steps if max_steps is None else min(steps, max_steps)
    plan: list[list[int]] = []
    while len(plan) < steps:
        plan += _epoch(lengths, batch_size, rng)
    return plan[:steps]


def _epoch(lengths: Sequence[int], batch_size: int, rng: random.Random) -> list[list[int]]:
    rows = list(range(len(lengths)))
    # Shuffled before the stable sort: rows of equal length meet other neighbours in every epoch.
    rng.shuffle(rows)
    # The jitter lets neighbours in length change too; an eighth costs a few per cent of padding.
    rows.sort(key=lambda row: lengths[row] * rng.uniform(1, 1.125))
    batches = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    rng.shuffle(batches)
    return batches


def learning_rate_factor(step: int, steps: int) -> float:
    """Share of the peak learning rate at `step` (from 0) of `steps`: linear warm-up, then cosine decay.

    Neither the first nor the last step has rate 0, as they do in transformers' schedules: on the
    small data sets here a wasted step is a share of the run that one can see.
    """
    warmup = max(1, round(steps * WARMUP))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup + 1) / (steps - warmup + 1)))
