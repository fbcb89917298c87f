"""What ends a run early: failures with a code that the server acts on, and being stopped."""

import signal
from types import FrameType
from typing import NoReturn


class Failure(Exception):
    """A run that cannot go on. `code` is stable and kebab-case; `message` is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Stopped(BaseException):
    """SIGTERM or SIGINT arrived. Not an Exception, so that no library's handler swallows it."""


def raise_stopped_on_signals() -> None:
    """Makes SIGTERM and SIGINT raise Stopped in the main thread, once: the way out is not interrupted."""

    def stop(signum: int, frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise Stopped

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
