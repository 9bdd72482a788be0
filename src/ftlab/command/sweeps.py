"""Sweeps that go on: what a grid is, and which folder began with it. Nothing heavy is imported."""

from __future__ import annotations

import json
import shlex
from hashlib import sha256
from pathlib import Path
from typing import Any

from ftlab.command.composer import plain
from ftlab.command.order import RESOLVER, Order
from ftlab.command.resume import differences_of, resume_command, told, wanted
from ftlab.errors import ConfigError
from ftlab.locks import owner_alive, refusal
from ftlab.paths import run_status
from ftlab.redact import redact
from ftlab.state import compared, digest

NAME = "sweep.json"
LEFT_OUT = "left_out"  # in the note of the grid: number of a job -> why it is not run
_MOST_BYTES = 2_000_000


def grid_note(order: Order) -> dict[str, Any]:
    """Return what sweep.json keeps of a grid: its digest, the overrides, the seeds, and the first job's options.

    The digest covers every job that was looked at, in the order of their numbers: options, seed and name, since the
    name is part of each job's folder.
    """
    values = [plain(cell.cfg, resolve=True) for cell in order.cells]
    jobs = [[digest(one), one["seed"], one["name"]] for one in values]
    words = [word.lstrip("+") for word in order.overrides]
    typed = [
        w for w in words if not w.startswith(("resume=", "resume_policy=", "hydra.searchpath=")) and RESOLVER not in w
    ]
    return {
        "digest": sha256(json.dumps([order.jobs, jobs]).encode()).hexdigest(),
        "jobs": order.jobs,
        "seeds": sorted({one["seed"] for one in values}),
        "overrides": redact(typed),
        "config": compared(values[0]),
    }


def find_sweep(order: Order) -> Path | None:
    """Return the folder of the sweep that is to go on; None where a new one is to start.

    Raises:
        ConfigError: there is none, all its jobs finished, it is in use, or its grid was another.
    """
    cfg = order.cells[0].cfg
    what = wanted(cfg)
    if any(wanted(cell.cfg) != what for cell in order.cells):
        raise ConfigError("resume names several folders, and a sweep goes on in one; write resume=latest")
    if what is None:
        return None
    if cfg.resume_policy == "changed":
        raise ConfigError(
            "resume_policy=changed is for one run, since the jobs of a sweep are known by their options; leave out -m "
            "and write resume=<folder of the job>"
        )
    here = grid_note(order)
    if what == "latest":
        return _latest(Path(cfg.output_dir), here)
    folder = Path(what).expanduser().resolve()
    there = _read_grid(folder)
    if there is None:
        raise ConfigError(f"resume={folder} is no sweep (it holds no {NAME} with a grid); leave out -m to resume a run")
    if there["digest"] != here["digest"]:
        raise ConfigError(
            f"resume={folder} began with another grid: {_told(there, here)}. Type: {_command(there, folder)}"
        )
    if not _is_unfinished(folder, there):
        raise ConfigError(
            f"resume={folder}: all {there['jobs']} jobs finished; leave resume out to start another sweep"
        )
    return folder


def _latest(output_dir: Path, here: dict[str, Any]) -> Path:
    found = [
        (path.parent, grid) for path in output_dir.resolve().glob(f"*/*/{NAME}") if (grid := _read_grid(path.parent))
    ]
    found.sort(key=lambda one: one[0].name, reverse=True)  # names begin with the time
    left = [(folder, grid) for folder, grid in found if _is_unfinished(folder, grid)]
    same = [folder for folder, grid in left if grid["digest"] == here["digest"]]
    for folder in same:
        if not owner_alive(folder):
            return folder
    if same:
        raise ConfigError(f"resume=latest: {refusal(same[0])}")
    nothing = f"resume=latest finds no unfinished sweep with this grid below {output_dir}"
    free = [(folder, grid) for folder, grid in left if not owner_alive(folder)]
    if not free:
        raise ConfigError(f"{nothing}; leave it out to start one")
    folder, there = free[0]
    said = _told(there, here)
    raise ConfigError(f"{nothing}; the newest unfinished one goes on with: {_command(there, folder)} ({said})")


def reason_left_out(job: Path) -> str | None:
    """Return why the sweep leaves out the job of this folder; None: it is to run."""
    grid = _read_grid(job.parent) or {}
    reason = (grid.get(LEFT_OUT) or {}).get(job.name.partition("_")[0])
    return None if reason is None else str(reason)


def _is_unfinished(folder: Path, grid: dict[str, Any]) -> bool:
    ended = [path.parent for path in folder.glob("*/result.json")]
    return bool(sum(run_status(job) == "finished" for job in ended) < grid["jobs"])


def _read_grid(folder: Path) -> dict[str, Any] | None:
    try:
        with (folder / NAME).open("rb") as file:
            grid = json.loads(file.read(_MOST_BYTES))["grid"]
        whole = isinstance(grid["jobs"], int) and isinstance(grid["digest"], str) and isinstance(grid["config"], dict)
        texts = all(isinstance(word, str) for word in grid["overrides"])
    except (OSError, ValueError, KeyError, TypeError):  # no sweep, or none of ours
        return None
    return dict(grid) if whole and texts else None


def _told(there: dict[str, Any], here: dict[str, Any]) -> str:
    before, now = there["overrides"], here["overrides"]
    lost, new = ([w for w in one if w not in other] for one, other in ((before, now), (now, before)))
    if lost or new:
        return f"{shlex.join(lost) or 'nothing'} there, {shlex.join(new) or 'nothing'} here"
    return "; ".join(told(differences_of(there["config"], here["config"])))


def _command(grid: dict[str, Any], folder: Path) -> str:
    return resume_command(["-m", *grid["overrides"]], folder)
