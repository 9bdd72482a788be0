"""SIGTERM and SIGINT while training: heeded where nothing is lost. And the error that came first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import lightning as L

TERMINATED = 143  # 128 + SIGTERM, as shells report it


class StopSignals:
    """Notes the first SIGTERM or SIGINT, so that training can end at a point that can be gone on from.

    A SIGINT after that stops at once; a SIGTERM after that changes nothing, whatever is being written.
    """

    def __init__(self) -> None:
        self.asked: int | None = None  # number of the signal

    def install(self) -> None:
        """Take the place of the handlers there are; only the main thread may."""
        self.asked = None
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._ask)
            signal.signal(signal.SIGINT, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked is None:
            self.asked = number
        elif number == signal.SIGINT:
            raise KeyboardInterrupt

    def error(self) -> BaseException:
        """Return what to raise: KeyboardInterrupt after SIGINT, SystemExit(143) after SIGTERM."""
        return KeyboardInterrupt() if self.asked == signal.SIGINT else SystemExit(TERMINATED)


class FirstError(L.Callback):
    """Keeps the error that ended a training: Lightning raises another where a logger or a callback then fails too.

    It must be the first of the callbacks.
    """

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Forget an earlier training."""
        self.error = None

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Keep the first."""
        self.error = self.error or exception


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Put the handlers of SIGTERM and SIGINT back after the block, however it ends.

    Where a signal ended it, further SIGTERMs are ignored instead: what is being written about the run goes through.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        before[signal.SIGTERM] = signal.SIG_IGN
        raise
    finally:
        for number, handler in before.items():
            if handler is not None:  # None: set by C code, which Python cannot put back
                signal.signal(number, handler)
