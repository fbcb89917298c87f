"""Which rows train at which step, and at which learning rate: pure, and the same for the same seed."""

import math
import random
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from statistics import mean

from rows import TASKS, Task
from run_folder import Config

# How many times as many rows a batch of labels holds, at least and, for memory's sake, at most: a label is a few tokens,
# its row half as long as an answer's.
LABEL_BATCH = 2
MOST_OF_LABELS = 8
# Shares of all steps. Warm-up is short: LoRA starts at zero difference from the base (B = 0).
WARMUP = 0.05


def plan_batches(lengths: Sequence[int], tasks: Sequence[Task], config: Config) -> list[list[int]]:
    """The row indices of every step of the run.

    Each epoch takes every row once. Rows of like length share a batch, so that little goes into
    padding; batches come in random order, so that no epoch drifts from long rows to short ones.
    No batch mixes tasks: the mean over a batch's tokens would drown a label's few in an answer's
    hundreds, a step of its own gives it a step's weight. Label batches have LABEL_BATCH times as many rows,
    and up to MOST_OF_LABELS where there would be more of them than batches of answers: many labels are no reason to
    answer worse.

    Whichever comes first ends the plan: epochs (a fractional last one takes that share of its
    batches), max_steps, or the batch that would pass max_tokens (padding not counted).

    "short-first" sorts each epoch's batches by their rows' mean length, after the plan is cut: the
    batches are those of "shuffled" with the same seed, only their order differs. Sorted before, a
    budget of less than an epoch would leave the long rows out, and the two could not be compared.
    """
    rng = random.Random(config.seed)
    plan = _epoch(lengths, tasks, config.batch_size, rng)
    batches_an_epoch = len(plan)
    steps = math.ceil(batches_an_epoch * config.epochs)
    steps = steps if config.max_steps is None else min(steps, config.max_steps)
    while len(plan) < steps:
        plan += _epoch(lengths, tasks, config.batch_size, rng)
    plan = plan[:steps]
    if config.max_tokens is not None:
        plan = plan[: bisect_right(tokens_done(plan, lengths), config.max_tokens)]
    if config.curriculum == "shuffled":
        return plan
    epochs = (plan[start : start + batches_an_epoch] for start in range(0, len(plan), batches_an_epoch))
    return [batch for epoch in epochs for batch in sorted(epoch, key=lambda batch: mean(lengths[row] for row in batch))]


def tokens_done(plan: Sequence[Sequence[int]], lengths: Sequence[int]) -> list[int]:
    """Tokens trained after each step: prompts included, padding not."""
    return list(accumulate(sum(lengths[row] for row in batch) for batch in plan))


def learning_rate_factor(step: int, steps: int) -> float:
    """Share of the peak learning rate at `step` (from 0) of `steps`: linear warm-up, then cosine decay.

    Neither the first nor the last step has rate 0, as they do in transformers' schedules: on the
    small data sets here a wasted step is a share of the run that one can see.
    """
    warmup = max(1, round(steps * WARMUP))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup + 1) / (steps - warmup + 1)))


def _epoch(
    lengths: Sequence[int], tasks: Sequence[Task], batch_size: int, rng: random.Random
) -> list[list[int]]:
    shuffled = list(range(len(lengths)))
    # Shuffled before the stable sort: rows of equal length meet other neighbours in every epoch.
    rng.shuffle(shuffled)
    batches: list[list[int]] = []
    for task in TASKS:
        rows = [row for row in shuffled if tasks[row] == task]
        # The jitter lets neighbours in length change too; an eighth costs a few per cent of padding.
        rows.sort(key=lambda row: lengths[row] * rng.uniform(1, 1.125))
        size = _label_batch(len(rows), len(tasks) - len(rows), batch_size) if task == "label" else batch_size
        batches += [rows[start : start + size] for start in range(0, len(rows), size)]
    rng.shuffle(batches)
    return batches


def _label_batch(labels: int, answers: int, batch_size: int) -> int:
    answer_batches = math.ceil(answers / batch_size)
    evenly = math.ceil(labels / answer_batches) if answer_batches > 0 else 0
    return min(max(evenly, batch_size * LABEL_BATCH), batch_size * MOST_OF_LABELS)
