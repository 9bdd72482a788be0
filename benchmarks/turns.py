"""Several trainings alive in one process, of which one moves at a time, a given number of steps."""

from __future__ import annotations

import ctypes
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

_MMAP_THRESHOLD, _TRIM_THRESHOLD, _ARENAS = -3, -1, -8  # of mallopt(3)


class Stop(BaseException):
    """Ends a training that has shown enough. No Exception: nobody on the way may take it for a fault."""


class Player:
    """A training in a thread of its own, which waits after each step until it may go on.

    Random generators are those of the process: each player finds them as it left them. So two trainings that move in
    turns draw what they would draw alone, and their losses can be compared to the bit.

    Args:
        run: trains; calls ``pause`` of the player it is given after each step.
        keeps: whether freed memory is kept while it moves, as ftlab does; False: glibc's own way, as in a process of
            the peer's own; None: as it is.
    """

    def __init__(self, run: Callable[[Player], None], keeps: bool | None = None) -> None:
        self._run, self._keeps = run, keeps
        self._may_go, self._came_back = threading.Semaphore(0), threading.Semaphore(0)
        self._left, self._seconds, self._began = 0, 0.0, 0.0
        self._quit, self._done = False, False
        self._error: BaseException | None = None
        self._generators = _generators()
        self.losses: list[torch.Tensor] = []
        self.batches: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()

    def go(self, steps: int) -> float:
        """Let it take ``steps`` steps, and return the seconds they took. The first call includes what comes before."""
        assert not self._done, "it has come to its end"
        self._left = steps
        _allocator(self._keeps)
        mine = _generators()
        _restore(self._generators)
        self._may_go.release()
        self._came_back.acquire()
        self._generators = _generators()
        _restore(mine)
        if self._error is not None:
            raise self._error
        return self._seconds

    def finish(self) -> None:
        """End it where it stands."""
        self._quit = True
        if not self._done:
            self._may_go.release()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def pause(self, loss: torch.Tensor, batch: dict[str, Any]) -> None:
        """Say that a step is done, and wait if it was the last that may be taken."""
        self.losses.append(loss.detach())
        self.batches.append(batch)
        self._left -= 1
        if self._left <= 0:
            self._seconds = time.perf_counter() - self._began
            self._came_back.release()
            self._wait()

    def _wait(self) -> None:
        self._may_go.acquire()
        if self._quit:
            raise Stop
        self._began = time.perf_counter()

    def _main(self) -> None:
        try:
            self._wait()
            self._run(self)
        except Stop:
            pass
        except BaseException as error:
            self._error = error
        self._done = True
        self._came_back.release()

    def real_tokens(self, first: int = 0) -> int:
        """Return the tokens that are no padding, in the batches from ``first`` on."""
        return sum(int(batch["attention_mask"].sum()) for batch in self.batches[first:])

    def computed_tokens(self, first: int = 0) -> int:
        """Return the tokens computed, padding included."""
        return sum(batch["attention_mask"].numel() for batch in self.batches[first:])

    def rows(self, first: int = 0) -> int:
        """Return the examples."""
        return sum(len(batch["labels"]) for batch in self.batches[first:])


def one_arena() -> None:
    """Let all threads take memory where the main thread does: it treats the large blocks of others differently."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).mallopt(_ARENAS, 1)


def _allocator(keeps: bool | None) -> None:
    if keeps is None or not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    # Not kept: the thresholds that glibc comes to by itself once blocks of 32 MiB were freed.
    library.mallopt(_MMAP_THRESHOLD, 2**30 if keeps else 32 << 20)
    library.mallopt(_TRIM_THRESHOLD, 2**31 - 1 if keeps else 64 << 20)
    if not keeps:
        library.malloc_trim(0)


def _generators() -> tuple[Any, Any, torch.Tensor]:
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def _restore(state: tuple[Any, Any, torch.Tensor]) -> None:
    random.setstate(state[0])
    np.random.set_state(state[1])
    torch.set_rng_state(state[2])
