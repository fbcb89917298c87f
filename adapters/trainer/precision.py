"""The number format to train in: the one that this device multiplies faster."""

import time
from collections.abc import Callable

import torch

# A block's product: rows of a batch by width by feed-forward width of a small model.
ROWS, WIDTH, INNER = 512, 576, 1536
# Under a second in all, longer than a neighbour's burst of work.
ROUNDS = 30
# bf16 also halves the weights' memory, fp32 rounds less. Well away from both kinds of CPU: with AMX bf16 is some four
# times as fast, without it 0.6 times, so that two runs on one machine choose alike.
CLEARLY = 1.15


def training_dtype(device: torch.device) -> torch.dtype:
    """bf16 on a GPU and on a CPU with matrix units for it, fp32 on other CPUs, which take longer for bf16."""
    if device.type != "cpu":
        return torch.bfloat16
    single, half = _product(torch.float32), _product(torch.bfloat16)
    single(), half()  # the first product of a shape also makes its kernel
    # In turns and the best of each, so that a busy neighbour slows neither choice alone.
    times = [(_seconds(single), _seconds(half)) for _ in range(ROUNDS)]
    return faster(min(single for single, _ in times), min(half for _, half in times))


def faster(single: float, half: float) -> torch.dtype:
    """What to train in where a product takes `single` seconds in fp32 and `half` in bf16."""
    return torch.bfloat16 if single >= half * CLEARLY else torch.float32


def dtype_name(dtype: torch.dtype) -> str:
    """`bfloat16` or `float32`."""
    return str(dtype).removeprefix("torch.")


def _product(dtype: torch.dtype) -> Callable[[], torch.Tensor]:
    states, weights = torch.ones(ROWS, WIDTH, dtype=dtype), torch.ones(INNER, WIDTH, dtype=dtype)
    return lambda: states @ weights.T


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
