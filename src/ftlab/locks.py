"""Who owns a run folder: one process on one host, told from a later one of the same number by when it began."""

from __future__ import annotations

import json
import math
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from ftlab.errors import ConfigError

if sys.platform != "win32":
    import fcntl

NAME = ".lock"
_FRESH_SECONDS = 10.0  # a lock that cannot be read may be half-written; after this its owner is taken for dead


@dataclass(frozen=True, slots=True)
class Owner:
    """What a lock says.

    Args:
        pid: of the process.
        host: it runs on.
        started: when it began, in seconds of whatever clock the system keeps; None: not known.
    """

    pid: int
    host: str
    started: float | None

    @property
    def is_here(self) -> bool:
        """Whether it runs on this host, so that we can tell whether it lives."""
        return self.host == socket.gethostname()

    def alive(self) -> bool:
        """Return whether the process still runs; of another host's nobody here can tell, so it counts as alive."""
        if not self.is_here:
            return True
        started = _process_started(self.pid)
        return started is not None and (math.isnan(started) or self.started in (None, started))


def lock(folder: Path) -> None:
    """Write the lock of ``folder``. FileExistsError where there is one, whoever's."""
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "process_started": _process_started(os.getpid())}
    with (folder / NAME).open("x", encoding="utf-8") as file:
        json.dump(owner, file)


def unlock(folder: Path) -> None:
    """Give the folder free."""
    (folder / NAME).unlink(missing_ok=True)


def owner_alive(folder: Path) -> bool:
    """Return whether a process holds ``folder``: False without a lock, and where its owner is dead."""
    path = folder / NAME
    owner = _read(path)
    if owner is not None:
        return owner.alive()
    try:
        return time.time() - path.stat().st_mtime < _FRESH_SECONDS
    except OSError:  # no lock, or gone in this moment
        return False


def take_lock(folder: Path) -> None:
    """Lock ``folder``; a dead owner's lock is taken over.

    Raises:
        ConfigError: a living process holds it, or one on another host, of which nobody here can tell.
    """
    try:
        with alone(folder):
            if owner_alive(folder):
                raise refusal(folder)
            unlock(folder)
            lock(folder)
    except FileExistsError:  # of a process that was quicker, where there is no way to be alone
        raise refusal(folder) from None
    except OSError as error:
        raise ConfigError(f"{folder} cannot be locked ({error.strerror}); check its permissions") from None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes of this host out of the block, so that of several one takes a dead owner's lock.

    The kernel ends this hold with the process. Windows and some network file systems have none; there, two that take
    over in the same millisecond are not told apart.
    """
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without such holds
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def refusal(folder: Path) -> ConfigError:
    """Return what to say of a folder that another process holds."""
    owner = _read(folder / NAME)
    if owner is None:
        return ConfigError(f"{folder} is being locked by another process; try again in {_FRESH_SECONDS:.0f} seconds")
    if owner.is_here:
        return ConfigError(
            f"{folder} is in use by process {owner.pid} on {owner.host}, which still runs; wait for it, or end it with "
            f"kill {owner.pid}"
        )
    return ConfigError(
        f"{folder} is in use by process {owner.pid} on the host {owner.host}, and whether it still runs cannot be told "
        f"from here; if it does not, remove {folder / NAME}"
    )


def _read(path: Path) -> Owner | None:
    try:
        with path.open("rb") as file:
            said: Any = json.loads(file.read(10_000))
        started = said.get("process_started")
        return Owner(int(said["pid"]), str(said["host"]), None if started is None else float(started))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # no lock, or one that says nothing
        return None


def _process_started(pid: int) -> float | None:
    """Return when a process began; NaN: nobody may look; None: there is none, or it waits for its parent to notice.

    Linux counts clock ticks since boot (proc(5), field 22), which no correction of the clock moves.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return None if fields[0] in "ZX" else float(fields[19])
    except (OSError, ValueError, IndexError):
        return _asked_started(pid)


def _asked_started(pid: int) -> float | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.AccessDenied:
        return math.nan  # there is one, of another user
    except (psutil.Error, ValueError):
        return None
