"""Where things lie: the configuration folder, and run folders that are unique and locked by their owner."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ftlab.errors import ConfigError, DataError
from ftlab.locks import NAME as LOCK
from ftlab.locks import lock as lock
from ftlab.locks import owner_alive as owner_alive
from ftlab.locks import take_lock as take_lock
from ftlab.locks import unlock as unlock
from ftlab.state import NAME as STATE
from ftlab.state import RunState, read_state

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def config_dir() -> Path:
    """Return the folder of the YAML groups: ``conf`` of the checkout, or the copy inside the wheel."""
    packaged = Path(__file__).parent / "conf"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "conf"


def cache_dir() -> Path:
    """Return the folder for what can be made again: ``FTLAB_CACHE``, or ``~/.cache/ftlab``."""
    given = os.environ.get("FTLAB_CACHE")
    return Path(given).expanduser() if given else Path.home() / ".cache" / "ftlab"


def slug(name: str, limit: int = 80) -> str:
    """Return ``name`` with ``[A-Za-z0-9._-]`` only, no leading dot, at most ``limit`` characters."""
    return _UNSAFE.sub("-", name).strip("-.")[:limit].rstrip("-.") or "run"


@dataclass(frozen=True, slots=True)
class NewFolder:
    """A folder made for one run or sweep."""

    path: Path
    id: str


def make_folder(output_dir: Path, experiment: str, name: str) -> NewFolder:
    """Create ``<output_dir>/<experiment>/<date>_<time>_<name>_<id>`` and take its lock.

    Twenty starts in one second get twenty folders: the id is random, and ``mkdir`` refuses one that exists.

    Raises:
        ConfigError: the folder cannot be written.
    """
    while True:
        identity = secrets.token_hex(4)
        stamp = datetime.now(UTC).strftime("%Y-%m-%d_%H-%M-%S")
        path = output_dir.resolve() / slug(experiment) / f"{stamp}_{slug(name)}_{identity}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            if path.is_dir():
                continue
            raise _not_writable(output_dir, "a file is in the way") from None
        except OSError as error:
            raise _not_writable(output_dir, error.strerror or str(error)) from None
        try:
            lock(path)
        except OSError as error:
            remove_folder(path)
            raise _not_writable(output_dir, error.strerror or str(error)) from None
        return NewFolder(path, identity)


def remove_folder(folder: Path) -> None:
    """Remove a run folder that came to nothing, and the experiment's folder where that leaves it empty."""
    shutil.rmtree(folder)
    if not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def _not_writable(output_dir: Path, why: str) -> ConfigError:
    return ConfigError(f"output_dir={output_dir} cannot be written ({why}); choose another with output_dir=<folder>")


def check_writable(output_dir: Path) -> None:
    """Raise ConfigError unless ``output_dir``, or the nearest parent that exists, is a folder we may write to."""
    if output_dir.parts[:1] and output_dir.parts[0].startswith("~"):
        # The shell expands ~ only at the start of a word, and output_dir=~/x does not start with it.
        home = Path("$HOME", *output_dir.parts[1:])
        raise ConfigError(
            f"output_dir={output_dir} would make a folder named {output_dir.parts[0]}; write output_dir={home}"
        )
    try:
        nearest = output_dir.resolve()
        while not nearest.exists():
            nearest = nearest.parent
    except (OSError, ValueError) as error:  # no permission to look, a name too long, a NUL in it
        raise _not_writable(output_dir, getattr(error, "strerror", None) or str(error)) from None
    if not nearest.is_dir():
        raise _not_writable(output_dir, f"{nearest} is a file")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise _not_writable(output_dir, "permission denied")


def run_status(folder: Path) -> str:
    """Return how a run stands: ``running``, ``killed`` (without a word), or the status its record gives.

    A record may be older than what goes on in the folder: a run that failed is gone on with in place.
    """
    status = _recorded_status(folder)
    if owner_alive(folder):
        return "running"
    if (folder / LOCK).exists() and status != "finished":
        return "killed"  # its owner died before it could give the folder free
    return status or "killed"


def _recorded_status(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / "result.json").read_text(encoding="utf-8"))["run"]["status"])
    except (OSError, ValueError, KeyError, TypeError):  # none yet, or none of ours
        return None


def begun(output_dir: Path, verb: str) -> list[tuple[Path, RunState, str]]:
    """Return the runs of ``verb`` below ``output_dir`` that left a state, with their status, the newest first.

    The jobs of sweeps are left out: they go on with their sweep.
    """
    found = []
    for path in output_dir.glob(f"*/*/{STATE}"):
        try:
            state = read_state(path.parent)
        except DataError:
            continue  # a broken state is nothing to go on with, and `ftlab list` shows it
        if state is not None and state.verb == verb:
            found.append((path.parent, state, run_status(path.parent)))
    return sorted(found, key=lambda one: (one[1].started, one[0].name), reverse=True)


def unfinished(output_dir: Path, verb: str = "train") -> list[tuple[Path, RunState]]:
    """Return the runs of ``verb`` below ``output_dir`` that were killed, interrupted or failed, the newest first."""
    return [(folder, state) for folder, state, status in begun(output_dir, verb) if status in ("killed", "failed")]


def latest_run(output_dir: Path | str, verb: str = "train") -> Path:
    """Return the newest finished run folder below ``output_dir`` that ``verb`` wrote.

    Raises:
        DataError: there is none.
    """
    output_dir = Path(output_dir)
    newest: tuple[str, Path] | None = None
    for path in output_dir.glob("**/result.json"):
        if "mlartifacts" in path.relative_to(output_dir).parts:
            continue  # MLflow's copy of a record
        try:
            run = json.loads(path.read_text(encoding="utf-8"))["run"]
            key = (str(run["finished"]), path.parent)
            wanted = run["status"] == "finished" and run["verb"] == verb
        except (OSError, ValueError, KeyError, TypeError):
            continue  # a folder that is no run of ours is not the latest run
        if wanted and (newest is None or key[0] > newest[0]):
            newest = key
    if newest is None:
        raise DataError(f"no finished run lies below {output_dir}; train one with: python -m ftlab")
    return newest[1]
