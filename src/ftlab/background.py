"""Work that must not keep the caller waiting: done in order, on a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

Task = Callable[[], None]
_IDLE_SECONDS = 10.0  # after which the thread ends; the next task starts another


class Background:
    """Does tasks one after another on one thread, which starts with the first and ends when there is nothing to do.

    It is a daemon: a task that hangs keeps no process from ending.

    Args:
        name: of the thread.
        failed: told, on that thread, of an error that a task raised; later tasks are done all the same.
    """

    def __init__(self, name: str, failed: Callable[[Exception], None]) -> None:
        self._name, self._failed = name, failed
        self._tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._steps = 0

    def do(self, task: Task) -> None:
        """Line ``task`` up and return at once."""
        with self._lock:
            self._tasks.put(task)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()

    def moved(self) -> None:
        """Say, from within a long task, that it goes on: ``wait`` is patient with it once more."""
        self._steps += 1

    def wait(self, patience: float | None) -> bool:
        """Wait until all that was lined up so far is done.

        Args:
            patience: seconds without any task ending or moving after which it is given up; None: for ever.

        Returns:
            Whether all is done.
        """
        if threading.current_thread() is self._thread:
            return True  # a task that waits for itself
        done = threading.Event()
        self.do(done.set)
        seen = self._steps
        while not done.wait(patience):
            if self._steps == seen:
                return False
            seen = self._steps
        return True

    def _work(self) -> None:
        while True:
            try:
                task = self._tasks.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._tasks.empty():
                        self._thread = None
                        return
                continue
            try:
                task()
            except Exception as error:
                self._failed(error)
            self._steps += 1
