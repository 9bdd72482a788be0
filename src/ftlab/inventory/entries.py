"""One entry per run, read from its small files; nothing is hidden.

A folder is a run if it holds ``result.json`` (it ended) or ``state.json`` (it began), and a sweep if it holds
``sweep.json``. A record that cannot be read is an entry too, with the status ``broken``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ftlab.errors import ConfigError, DataError
from ftlab.inventory.selection import STATUSES
from ftlab.locks import NAME as LOCK
from ftlab.paths import run_status
from ftlab.results import RunResult, load_result
from ftlab.state import read_state
from ftlab.yaml_file import read_yaml

_MARKS = ("result.json", "state.json")
_FOREIGN = ("mlartifacts", "mlruns")  # MLflow's copies of our records


@dataclass(frozen=True, slots=True)
class Entry:
    """One run in a line. None: not known. The keys of ``ftlab list --json``: add, never rename."""

    id: str | None
    name: str
    verb: str | None
    status: str  # one of STATUSES
    error: str | None  # of a failed run; why a broken one cannot be read
    experiment: str
    started: str | None  # ISO 8601, UTC
    finished: str | None
    seed: int | None
    model: str | None
    adapter: str | None
    dataset: str | None
    main_metric: str | None
    main_value: float | None  # on the test rows
    main_direction: str | None  # max or min: where the better values lie
    p50_ms: float | None  # of one text; of several forms the one timed last, which is what ships
    usd_per_1k_requests: float | None
    parent: str | None  # id of the run that an evaluation looked at
    sweep: str | None  # id
    sweep_folder: str | None
    folder: str  # relative to the working directory where it lies below it


@dataclass(frozen=True, slots=True)
class Inventory:
    """Entries in the order of their folders, and every sweep's folder, jobs or none."""

    entries: list[Entry]
    sweeps: list[str]


def take_inventory(output_dir: Path) -> Inventory:
    """Read every run and sweep below ``output_dir``, or in it; nothing where there is no such folder."""
    entries, sweeps = [], []
    for folder, held in _walk(output_dir):
        if "sweep.json" in held:
            sweeps.append(shown_path(folder))
        if any(mark in held for mark in _MARKS):
            entries.append(_read(folder, held))
    return Inventory(entries, sweeps)


def run_folders(top: Path) -> list[Path]:
    """Return every folder in ``top`` or below that is a run, in their order."""
    return [folder for folder, held in _walk(top) if any(mark in held for mark in _MARKS)]


def shown_path(folder: Path) -> str:
    """Return the path to type for ``folder``: relative to the working directory where it lies below it."""
    whole, here = Path(os.path.abspath(folder)), Path.cwd()
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else str(whole)


def _walk(top: Path) -> Iterator[tuple[Path, set[str]]]:
    """Yield folders with the names of their files. Runs hold no runs, so nobody looks into their models and plots."""
    for place, folders, files in os.walk(top):
        held = set(files)
        yield Path(place), held
        is_run = any(mark in held for mark in _MARKS)
        folders[:] = [] if is_run else sorted(f for f in folders if f not in _FOREIGN and not f.startswith("."))


def _read(folder: Path, held: set[str]) -> Entry:
    empty, ended = _empty(folder), "result.json" in held
    try:
        entry = _from_result(empty, load_result(folder), folder) if ended else _from_state(empty, folder)
        # Somebody works in a folder with a lock, whatever an older record says, or was killed there.
        return entry if ended and LOCK not in held else replace(entry, status=run_status(folder))
    except DataError as error:
        return replace(empty, status="broken", error=" ".join(error.sentences))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        name = _MARKS[0] if ended else _MARKS[1]
        why = f"{shown_path(folder / name)} is not a complete record ({type(error).__name__}: {error})"
        return replace(empty, status="broken", error=f"{why}; run the job again")


def _empty(folder: Path) -> Entry:
    whole = Path(os.path.abspath(folder))
    is_job = (whole.parent / "sweep.json").is_file()
    home = whole.parent.parent if is_job else whole.parent
    unknown: dict[str, Any] = dict.fromkeys(Entry.__dataclass_fields__)
    known = {
        "name": whole.name,
        "experiment": home.name,
        "sweep_folder": shown_path(whole.parent) if is_job else None,
        "folder": shown_path(whole),
    }
    return Entry(**unknown | known)


def _from_result(empty: Entry, result: RunResult, folder: Path) -> Entry:
    run, quality, cost = result.run, result.quality, result.cost
    names = _names(folder) if result.model is None or result.dataset is None else {}
    main = quality.main if quality else {}
    timed = [row for row in result.latency if row.batch_size == 1]
    return replace(
        empty,
        id=_text(run.id),
        name=_text(run.name) or empty.name,
        verb=_text(run.verb),
        status=run.status if run.status in STATUSES else _refuse("status", run.status),
        error=_text(run.error),
        started=_text(run.started),
        finished=_text(run.finished),
        seed=run.seed if isinstance(run.seed, int) else None,
        model=_text(result.model.name) if result.model else names.get("model"),
        adapter=_text((result.adapter or {}).get("name")) or names.get("adapter"),
        dataset=_text(result.dataset.name) if result.dataset else names.get("dataset"),
        main_metric=_text(main.get("name")),
        main_value=_number(quality.test.get(main["name"])) if quality else None,
        main_direction=_text(main.get("direction")),
        p50_ms=_number(timed[-1].p50_ms) if timed else None,
        usd_per_1k_requests=_number(cost.usd_per_1k_requests) if cost else None,
        parent=_text(run.parent),
        sweep=_text(run.sweep),
    )


def _from_state(empty: Entry, folder: Path) -> Entry:
    """Return the entry of a run without a record, its status to be found out: its owner is at work, or was killed."""
    state = read_state(folder)
    assert state is not None, "the folder was seen to hold it"
    names = _names(folder)
    return replace(
        empty,
        id=state.id,
        name=state.name,
        verb=state.verb,
        started=state.started,
        seed=state.seed,
        model=names.get("model"),
        adapter=names.get("adapter"),
        dataset=names.get("dataset"),
        sweep=state.sweep,
    )


def _names(folder: Path) -> dict[str, str]:
    """Return model, adapter and dataset as ``config.yaml`` names them; what cannot be read there is not known."""
    try:
        config = read_yaml(folder / "config.yaml")
    except ConfigError:  # the run is listed all the same
        return {}
    groups = config if isinstance(config, Mapping) else {}
    found = {group: groups.get(group) for group in ("model", "adapter", "dataset")}
    names = {group: node.get("name") for group, node in found.items() if isinstance(node, Mapping)}
    # A name with ${ refers to another key, which only Hydra could look up.
    return {group: name for group, name in names.items() if isinstance(name, str) and "${" not in name}


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{value!r} stands for a text")
    return value


def _number(value: object) -> float | None:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} stands for a number")
    return value


def _refuse(key: str, value: object) -> str:
    raise ValueError(f"{key} is {value!r}")
