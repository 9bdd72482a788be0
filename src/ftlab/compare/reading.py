"""Finds the runs a user names and reads their records; nothing is run again.

A word is a run folder, a sweep's, one that holds some of either, a pattern (``outputs/*lora*``), or ``latest``.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ftlab.compare.completeness import lacks
from ftlab.compare.types import Run
from ftlab.errors import ConfigError, DataError
from ftlab.inventory import entries
from ftlab.locks import NAME as LOCK
from ftlab.paths import latest_run, run_status
from ftlab.records import NewerError, misfit
from ftlab.results import Energy, RunInfo, RunResult, TrainingStats, load_result
from ftlab.state import NAME as STATE
from ftlab.state import NOT_DIGESTED, leaves, read_state
from ftlab.yaml_file import read_yaml

LATEST = "latest"
RECORD = "result.json"
NEWER = "newer"  # a status: a newer ftlab wrote the record


def read_runs(words: Sequence[str | Path], output_dir: Path | str) -> tuple[Run, ...]:
    """Return every run that ``words`` name, once, the oldest first; those that did not finish say so in their status.

    Args:
        words: as above; ``latest`` is the newest finished run below ``output_dir``, or the whole sweep it is of.
        output_dir: of the runs.

    Raises:
        DataError: one sentence per word that names no run, or one whose record cannot be read. A job of a sweep, or of
            a folder of runs, that cannot be read is no error: it is a run with the status ``broken`` or ``newer``.
    """
    faults: list[str] = []
    found: dict[tuple[object, ...], Run] = {}
    for word in words:
        try:
            for run in _runs_of(str(word), Path(output_dir)):
                found.setdefault((run.folder.resolve(),), run)
        except DataError as error:
            faults += [sentence for sentence in error.sentences if sentence not in faults]
    if faults:
        raise DataError(*faults)
    once: dict[tuple[object, ...], Run] = {}
    for run in found.values():  # a copy of a folder is the same run
        info = run.result.run
        once.setdefault((info.id, info.started, info.finished, info.seed, info.config_digest), run)
    return tuple(sorted(once.values(), key=lambda run: (run.result.run.started or "", str(run.folder))))


def read_folders(folders: Iterable[Path]) -> tuple[Run, ...]:
    """Return the runs of run folders, whatever became of them: none of them is an error."""
    return tuple(_read_any(folder) for folder in folders)


def _runs_of(word: str, output_dir: Path) -> list[Run]:
    if word == LATEST:
        folder = latest_run(output_dir)
        return _below(folder.parent) if (folder.parent / "sweep.json").is_file() else [read_run(folder)]
    if Path(word).is_dir():  # a folder's name may hold the characters of a pattern
        return _in_folder(Path(word))
    if not glob.has_magic(word):
        return [read_run(Path(word))]
    matches = [Path(match) for match in sorted(glob.glob(word, recursive=True)) if Path(match).is_dir()]
    runs = [run for match in matches for run in _below(match)]
    if not runs:
        raise DataError(f"{word} matches no folder that holds a run; `ftlab list` shows yours")
    return runs


def _in_folder(folder: Path) -> list[Run]:
    if (folder / RECORD).is_file() or (folder / STATE).is_file():
        return [read_run(folder)]
    runs = _below(folder)
    if not runs and (folder / "sweep.json").is_file():
        raise DataError(f"{folder} is a sweep without a job so far; give one that has run: `ftlab list` shows yours")
    return runs or [read_run(folder)]  # which says that it is none


def read_run(folder: Path) -> Run:
    """Return the run of ``folder``, with the status that holds now.

    Raises:
        DataError: it holds no record, or one that is broken, incomplete, or of a newer ftlab.
    """
    result = load_result(folder)
    if (folder / LOCK).exists():  # somebody works there, whatever an older record says, or was killed there
        result = replace(result, run=replace(result.run, status=run_status(folder)))
    why = misfit(RunResult, result) or (lacks(result) if result.run.status == "finished" else None)
    if why is not None:
        raise DataError(f"{folder / RECORD} is not a complete record ({why}); run the job again")
    return Run(folder, result)


def _below(folder: Path) -> list[Run]:
    """Return every run in ``folder`` or below, whatever became of it."""
    return list(read_folders(entries.run_folders(folder)))


def _read_any(folder: Path) -> Run:
    try:
        if (folder / RECORD).is_file():
            return read_run(folder)
        state = read_state(folder)
    except NewerError as error:
        return Run(folder, _unmeasured(_info(folder, status=NEWER, error=error.short)))
    except DataError as error:
        return Run(folder, _unmeasured(_info(folder, status="broken", error=" ".join(error.sentences))))
    if state is None:
        return Run(folder, _unmeasured(_info(folder, status="broken", error=f"{folder} holds no run")))
    names = ("id", "name", "verb", "started", "seed", "overrides", "sweep", "parent", "config_digest", "mlflow")
    known: dict[str, Any] = {name: getattr(state, name) for name in names}
    return Run(folder, _unmeasured(_info(folder, status=run_status(folder), **known)))


def _info(folder: Path, *, status: str, error: str | None = None, **known: Any) -> RunInfo:  # noqa: ANN401 - fields
    unknown: dict[str, Any] = {
        **{"id": folder.name, "name": folder.name, "verb": "train", "log": None, "started": "", "finished": None},
        **{"seed": 0, "sweep": None, "parent": None, "overrides": [], "config_digest": "", "git_commit": None},
        "mlflow": {},
    }
    return RunInfo(**{**unknown, **known, "status": status, "error": error})


def _unmeasured(run: RunInfo) -> RunResult:
    return RunResult(run, None, {}, {}, {}, None, None, TrainingStats(), [], None, Energy(), None, {})


def read_settings(folder: Path) -> dict[str, Any]:
    """Return a run's configuration by dotted key, without what moves from run to run (seed, name, place).

    ``state.json`` has the resolved values; where there is none, ``config.yaml`` does with what refers to other keys
    (``${...}``) left out. Nothing where neither can be read: what differs is then not known.

    Of an evaluation, those of the run it looked at stand below its own, in place of ``run``, where that one can be
    read: they say what its model is, and what several of them share that differ in the seed only.
    """
    held = _settings(folder)
    below = _settings(trained) if "run" in held and (trained := _looked_at(folder)) is not None else {}
    return below | {key: value for key, value in held.items() if key != "run"} if below else held


def _settings(folder: Path) -> dict[str, Any]:
    try:
        held = json.loads((folder / STATE).read_text(encoding="utf-8")).get("config")
    except (OSError, ValueError, AttributeError):
        held = None
    if not isinstance(held, dict) or not held:
        try:
            plain = read_yaml(folder / "config.yaml")
        except ConfigError:
            return {}
        if not isinstance(plain, Mapping):
            return {}
        flat = leaves({str(key): value for key, value in plain.items() if key not in NOT_DIGESTED})
        held = {key: value for key, value in flat.items() if "${" not in str(value)}
    return {str(key): value for key, value in held.items()}


def _looked_at(folder: Path) -> Path | None:
    """Return the folder of the run that an evaluation looked at; None: it is not there any more."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        trained = (folder / record["artefact"]["path"]).resolve().parent
        found = json.loads((trained / RECORD).read_text(encoding="utf-8"))
        return trained if found["run"]["id"] == record["run"]["parent"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
