"""The other processes of a training, seen from the first: started, heard, watched, ended."""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

MARK = "ftlab-process: "  # before a line of JSON that a process says to the first
PROGRAM = "ftlab.verbs.rank"
_SECONDS_TO_END = 60.0
_TAIL = 20  # lines kept of what a process printed

_log = logging.getLogger(__name__)


class Child:
    """One other process. It has a process group of its own, so Ctrl-C in a terminal reaches the first process alone.

    What it prints goes to the log; what follows ``MARK`` on a line is a message. It ends itself when its standard input
    is closed, which the system does however the first process ends.
    """

    def __init__(self, rank: int, environ: Mapping[str, str], inbox: queue.Queue[tuple[int, dict[str, Any]]]) -> None:
        self.rank = rank
        self._inbox = inbox
        self.tail: deque[str] = deque(maxlen=_TAIL)
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=dict(environ),
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True, name=f"ftlab-process-{rank}")
        self._reader.start()

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send one message; one that is dead is noticed by who waits for it."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()
        except OSError as error:
            _log.info("process %d cannot be told anything: %s", self.rank, error)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said, mark, message = line.partition(MARK)  # a library may have left its own line unfinished before it
            if mark:
                self._inbox.put((self.rank, json.loads(message)))
            if said.strip():
                self.tail.append(said.rstrip())
                _log.info("process %d: %s", self.rank, said.rstrip())

    def wait(self) -> int:
        """Wait for its end, with all it said, and return its exit code, below 0 the signal that ended it."""
        code = self.process.wait()
        self._reader.join(1.0)  # no longer: a process that it started may hold the pipe
        return code

    def end(self, seconds: float = _SECONDS_TO_END) -> None:
        """Wait for it, at most ``seconds``; then kill it, and the loader processes it started."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            _log.warning("process %d did not end by itself", self.rank)
        self.kill()

    def kill(self) -> None:
        """End it and the processes it started, now."""
        if hasattr(os, "killpg"):
            try:
                os.killpg(self.process.pid, signal.SIGKILL)  # of its own session, so the group has its number
            except ProcessLookupError:
                _log.debug("process %d is gone", self.rank)
        else:
            self.process.kill()
        self.process.wait()
        self._reader.join(1.0)
        assert self.process.stdin is not None and self.process.stdout is not None
        if not self._reader.is_alive():  # else a process that it started, and that outlived it, still holds the pipe
            self.process.stdout.close()
        try:
            self.process.stdin.close()
        except OSError as error:  # what it was told last never reached it
            _log.debug("process %d: %s", self.rank, error)
