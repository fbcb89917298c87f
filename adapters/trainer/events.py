"""The trainer's only standard output: JSON lines, one event each, flushed at once."""

import json
import os
import sys
from typing import TextIO


class EventStream:
    def __init__(self, out: TextIO) -> None:
        self._out = out

    def emit(self, event: str, **fields: object) -> None:
        # allow_nan=False: NaN is not JSON, and the reader at the other end would throw on it.
        self._out.write(json.dumps({"event": event, **fields}, allow_nan=False) + "\n")
        self._out.flush()


def take_over_stdout() -> EventStream:
    """Keeps the real standard output for events and points descriptor 1 at standard error.

    Done on the descriptor, not only on sys.stdout, because native libraries print there too.
    """
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return EventStream(out)
