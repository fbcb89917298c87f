"""What a run that was stopped needs to go on as if it never had been."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from checkpoint_file import newest_checkpoint, replace_checkpoint
from failure import Failure


@dataclass(frozen=True)
class Checkpoint:
    """The rest follows from run.json and the rows: the plan, and the learning rate of every step."""

    step: int
    adapter: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    curve: list[dict[str, float]]
    seconds: float
    """Of all the processes that trained up to here."""
    provenance: dict[str, str]
    dtype: torch.dtype = torch.bfloat16
    """What the base trains in: another one would go on with other losses. Checkpoints without it are of bf16."""


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    replace_checkpoint(folder, checkpoint.step, lambda path: torch.save(vars(checkpoint), path))


def read_checkpoint(folder: Path, provenance: Mapping[str, str]) -> Checkpoint | None:
    path = newest_checkpoint(folder)
    if path is None:
        return None
    # weights_only: tensors and plain values, no code from the file.
    checkpoint = Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
    different = [
        key
        for key in sorted({*checkpoint.provenance, *provenance})
        if checkpoint.provenance.get(key) != provenance.get(key)
    ]
    if different:
        raise Failure(
            "checkpoint-mismatch", f"{path.name} is of another run: {', '.join(different)} differ; remove it to start anew"
        )
    return checkpoint
