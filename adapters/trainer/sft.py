"""Trains the LoRA adapter that a run folder describes: python sft.py DIR

Goes on from the folder's checkpoint, if it holds one. Writes events to standard output (see
README.md), everything else to standard error.
Exit codes: 0 saved, 1 failed, 2 wrong use, 130 stopped.
"""

import argparse
import sys
import traceback
from pathlib import Path

from checkpoint_file import kept_step
from events import EventStream, take_over_stdout
from failure import Failure
from offline import go_offline
from stopping import Stopped, StopSignals


def main() -> int:
    parser = argparse.ArgumentParser(description="Trains the LoRA adapter that a run folder describes.")
    parser.add_argument("folder", type=Path, help="holds run.json, train.jsonl and heldout.jsonl")
    folder = parser.parse_args().folder

    events = take_over_stdout()
    go_offline()
    try:
        signals = StopSignals()
        events.emit("loading")
        _run(folder, events, signals)
    except Stopped:
        events.emit("stopped", step=kept_step(folder))
        return 130
    except Failure as failure:
        events.emit("failed", code=failure.code, message=failure.message)
        return 1
    except Exception as error:
        traceback.print_exc()
        out_of_memory = _is_out_of_memory(error)
        events.emit(
            "failed",
            code="out-of-memory" if out_of_memory else "internal",
            message=f"{error}. Try smaller batches: --batch-size." if out_of_memory else f"{type(error).__name__}: {error}",
        )
        return 1
    return 0


def _run(folder: Path, events: EventStream, signals: StopSignals) -> None:
    # PyTorch and the libraries around it take seconds to import: after "loading", and after wrong use.
    from run import TrainingRun

    TrainingRun(folder, events, signals).run()


def _is_out_of_memory(error: Exception) -> bool:
    # PyTorch's CPU allocator has no exception class of its own, only this text.
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))
    )


if __name__ == "__main__":
    sys.exit(main())
