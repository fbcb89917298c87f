"""Where a run folder keeps its checkpoint: checkpoint-STEP.pt, the newest only.

Apart from checkpoint.py because PyTorch takes seconds to import, and a run that is stopped meanwhile
still says which step it will go on from.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

_NAME = re.compile(r"checkpoint-(\d+)\.pt")


def newest_checkpoint(folder: Path) -> Path | None:
    return max(_checkpoints(folder), key=_step, default=None)


def kept_step(folder: Path) -> int:
    """The step that the next start goes on after; 0 is the beginning."""
    newest = newest_checkpoint(folder)
    return 0 if newest is None else _step(newest)


def replace_checkpoint(folder: Path, step: int, write: Callable[[Path], None]) -> None:
    """Complete or not there at all: written beside under another name, and on the disk before it is renamed."""
    unfinished = folder / "checkpoint.unfinished"
    write(unfinished)
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    older = _checkpoints(folder)
    newest = unfinished.replace(folder / f"checkpoint-{step}.pt")
    for checkpoint in older:
        if checkpoint != newest:
            checkpoint.unlink()


def remove_checkpoints(folder: Path) -> None:
    for checkpoint in _checkpoints(folder):
        checkpoint.unlink()
    (folder / "checkpoint.unfinished").unlink(missing_ok=True)


def _checkpoints(folder: Path) -> list[Path]:
    return [path for path in folder.glob("checkpoint-*.pt") if _NAME.fullmatch(path.name)]


def _step(checkpoint: Path) -> int:
    return int(checkpoint.stem.removeprefix("checkpoint-"))
