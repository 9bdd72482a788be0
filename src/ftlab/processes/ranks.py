"""All processes of a training as the first one, which does everything else alone, holds them."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from ftlab import errors, threads
from ftlab.errors import UserError
from ftlab.processes.children import Child

_LAST_WORDS_SECONDS = 5.0  # that a process has to say why it ends, after its end has broken ours
_GRACE_SECONDS = 30.0  # from the death of a process until the first one is taken to be stuck in waiting for it
# Set by other launchers, and read by libraries that would take our processes for theirs.
_OF_LAUNCHERS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "GROUP_RANK", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT")

_log = logging.getLogger(__name__)


class ProcessError(RuntimeError):
    """Another process of the training failed."""


class Ranks:
    """Context: ``processes - 1`` other processes, started at once since their imports take long, gone at its end.

    ``tell`` tells them what to do, ``join`` meets them, ``leave`` waits until they are done; an error ends them. Where
    one of them fails, that is the error of the run. With one process everything here does nothing.

    Args:
        processes: that train, this one included.
        device: ``cuda`` or ``cpu``.
        when_stuck: called with the error before this process ends itself, where another died and the wait for it in
            a library cannot be broken off.
    """

    def __init__(self, processes: int, device: str, when_stuck: Callable[[BaseException], None]) -> None:
        self.processes, self._device, self._when_stuck = processes, device, when_stuck
        self._children: list[Child] = []
        self._inbox: queue.Queue[tuple[int, dict[str, Any]]] = queue.Queue()
        self._failure: BaseException | None = None
        self._over = threading.Event()  # the others are meant to end
        self._store: Any = None  # where the group meets, until it has met
        self._undo = ExitStack()

    def __enter__(self) -> Ranks:
        """Start the other processes; each process, this one too, gets its share of the threads."""
        if self.processes == 1:
            return self
        share = threads.decide(threads.AUTO, self.processes)
        self._undo.callback(threads.hold)  # afterwards this one has them all again
        self._undo.enter_context(threads.limited(share))
        try:
            for rank in range(1, self.processes):
                self._children.append(Child(rank, _environ(rank), self._inbox))
        except BaseException:
            self._end()
            raise
        for child in self._children:
            threading.Thread(target=self._watch, args=(child,), daemon=True, name=f"ftlab-watch-{child.rank}").start()
        return self

    def tell(self, **task: Any) -> None:  # noqa: ANN401 - what JSON holds
        """Tell the others what to do: what ``verbs.rank`` reads. They get ready meanwhile."""
        if not self._children:
            return
        from ftlab.processes import collective

        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
        self._store = collective.open_store(self.processes)
        for child in self._children:
            child.tell({**task, "rank": child.rank, "processes": self.processes, "port": self._store.port})

    def join(self) -> None:
        """Join one group with the others, once they are ready; a second call does nothing.

        Raises:
            ProcessError, UserError: one of them failed.
        """
        if self._store is None:
            return
        from ftlab.processes import collective

        self._await_ready()
        store, self._store = self._store, None
        self._undo.callback(collective.part)
        collective.join(store.port, 0, self.processes, self._device, store)

    def leave(self) -> None:
        """Wait until the others have ended, and go on alone, with all threads."""
        if not self._children:
            return
        from ftlab.processes import collective

        self._over.set()
        collective.part()
        for child in self._children:
            child.end()
        self._raise_failure()
        self._undo.close()
        self._children.clear()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the others; where one of them failed first, its error takes the place of what came of it here."""
        if error is not None and self._children and _is_lost_connection(error):
            self._drain(_LAST_WORDS_SECONDS)
        self._end()
        if error is not None and self._failure is not None and _is_lost_connection(error):
            raise self._failure from error

    def _end(self) -> None:
        self._over.set()
        for child in self._children:
            child.kill()
        self._children.clear()
        self._undo.close()

    def _await_ready(self) -> None:
        waiting = {child.rank for child in self._children}
        while waiting:
            rank, message = self._inbox.get()
            if "failed" in message:
                self._note(rank, message)
                self._raise_failure()
            if "ended" in message and rank in waiting:
                raise ProcessError(_death(next(child for child in self._children if child.rank == rank), 0))
            waiting.discard(rank)

    def _drain(self, seconds: float) -> None:
        try:
            while self._failure is None:
                rank, message = self._inbox.get(timeout=seconds) if seconds else self._inbox.get_nowait()
                if "failed" in message:
                    self._note(rank, message)
        except queue.Empty:
            _log.debug("no other process said that it failed")

    def _watch(self, child: Child) -> None:
        code = child.wait()
        if code == 0:
            self._inbox.put((child.rank, {"ended": True}))  # well, unless it is still waited for
        if code == 0 or self._over.is_set():
            return
        self._inbox.put((child.rank, {"failed": None, "sentences": [], "code": code}))
        if self._over.wait(_GRACE_SECONDS):
            return
        # Some library waits for the dead and heeds neither signal nor closed connection.
        self._drain(0.0)
        failure = self._failure or ProcessError(_death(child, code))
        self._when_stuck(failure)
        print(f"{failure}", file=sys.stderr, flush=True)
        for other in self._children:
            other.kill()
        os._exit(1)

    def _note(self, rank: int, message: Mapping[str, Any]) -> None:
        if self._failure is not None:
            return
        kind = getattr(errors, str(message["failed"]), None)
        if isinstance(kind, type) and issubclass(kind, UserError):
            self._failure = kind(*message["sentences"])
        elif message["failed"] is None:
            child = next(child for child in self._children if child.rank == rank)
            self._failure = ProcessError(_death(child, message["code"]))
        else:
            self._failure = ProcessError(f"process {rank}: {message['failed']}: {' '.join(message['sentences'])}")

    def _raise_failure(self) -> None:
        if self._failure is None:
            self._drain(0.0)
        if self._failure is not None:
            raise self._failure


def _is_lost_connection(error: BaseException) -> bool:
    """Return whether ``error`` may be what torch.distributed raises where another process is gone."""
    return isinstance(error, RuntimeError) and (type(error) is RuntimeError or type(error).__module__[:5] == "torch")


def _death(child: Child, code: int) -> str:
    how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
    memory = "; the system does so when memory runs out" if code == -9 else ""
    last = f"; it said last: {child.tail[-1]}" if child.tail else ""
    return f"process {child.rank} of the training {how}{memory}{last}"


def _environ(rank: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _OF_LAUNCHERS}
    # The same modules as here, those of the working folder included.
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {**kept, "PYTHONPATH": path, "LOCAL_RANK": str(rank), "PYTHONUNBUFFERED": "1"}
