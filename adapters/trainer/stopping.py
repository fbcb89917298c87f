"""Being stopped by SIGTERM or SIGINT: between two steps where there are steps, at once elsewhere."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(BaseException):
    """SIGTERM or SIGINT arrived. Not an Exception, so that no library's handler swallows it."""


class StopSignals:
    """Raises Stopped in the main thread, once: the way out is not interrupted.

    Inside `after_each_step` the first signal only asks, so that the step can be finished and kept; a
    second one does not wait.
    """

    def __init__(self) -> None:
        self.requested = False
        self._steps = False
        signal.signal(signal.SIGTERM, self._arrived)
        signal.signal(signal.SIGINT, self._arrived)

    @contextmanager
    def after_each_step(self) -> Iterator[None]:
        self._steps = True
        try:
            yield
        finally:
            self._steps = False
        self.stop_if_requested()

    def stop_if_requested(self) -> None:
        if self.requested:
            self._ignore_signals()
            raise Stopped

    def _arrived(self, signum: int, frame: FrameType | None) -> None:
        if self._steps and not self.requested:
            self.requested = True
            return
        self._ignore_signals()
        raise Stopped

    def _ignore_signals(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
