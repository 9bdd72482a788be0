"""A run that goes on in its folder: are the rows the same, where does it go on, what is in the way."""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from ftlab.checkpoints.states import newest_state
from ftlab.errors import DataError
from ftlab.paths import owner_alive, run_status
from ftlab.redact import redact_text
from ftlab.results import load_result
from ftlab.state import NAME, RunState, compared, read_state
from ftlab.tracking import MlflowRun
from ftlab.verbs.record import config_digest, resolved, run_id, task_overrides

log = logging.getLogger(__name__)
# What the end of a run writes. An interruption in the middle of it leaves some of them, perhaps by half.
_OF_THE_END = (
    *("model", "plots", "predictions.parquet", "history.parquet", "latency.parquet", "generations.json"),
    *("report_card.md",),
    *("result.partial", "state.json.partial", "untrained.json.partial"),
)
_MOST_DEAD = 20  # runs that were killed hard and that one start looks at
NO_RUN: Mapping[str, Any] = {"uri": None, "experiment_id": None, "run_id": None, "parent_run_id": None}


def state_before(cfg: DictConfig, folder: Path) -> RunState | None:
    """Return the state of the run that goes on in ``folder``; None for one that starts there.

    Raises:
        DataError: it is broken.
    """
    return read_state(folder) if "resume" in cfg and cfg.resume is not None else None


def new_state(cfg: DictConfig, folder: Path, verb: str, started: str, **known: Any) -> RunState:  # noqa: ANN401
    """Return the state of this run, run by this process; ``known`` are further fields of it."""
    fields: dict[str, Any] = {
        "id": run_id(folder, known.pop("of_sweep")),
        "name": str(cfg.name),
        "verb": verb,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": started,
        "config_digest": config_digest(cfg),
        "seed": int(cfg.seed),
        "dataset_digest": None,
        "mlflow": dict(NO_RUN),
        "config": compared(resolved(cfg)),
        "config_dir": config_folder(),
        **known,
    }
    fields["overrides"] = fields["overrides"] if fields.get("overrides") is not None else task_overrides()
    return RunState(**fields)


def config_folder() -> str | None:
    """Return the folder given with ``--config-dir``; None without one, or outside a job of Hydra."""
    from hydra.core.hydra_config import HydraConfig

    places = HydraConfig.get().searchpath if HydraConfig.initialized() else []
    return next((str(place).removeprefix("file://") for place in places), None)


def changes(before: RunState, cfg: DictConfig) -> dict[str, list[Any]]:
    """Return key -> [before, now] of the options that are not as they were."""
    here = compared(resolved(cfg))
    keys = sorted(key for key in {**before.config, **here} if before.config.get(key, ...) != here.get(key, ...))
    return {key: [before.config.get(key), here.get(key)] for key in keys}


def check_rows(before: RunState, digest: str | None, folder: Path, policy: str) -> None:
    """Refuse other rows than those the run began with, unless ``policy`` is changed.

    Raises:
        DataError: they are others.
    """
    if before.dataset_digest in (None, digest) or policy == "changed":
        return
    raise DataError(
        f"resume={folder} began with other rows (digest {str(before.dataset_digest)[:12]} there, {str(digest)[:12]} "
        "here); give it the data it had, leave resume out to start another run, or go on with resume_policy=changed"
    )


def find_checkpoint(folder: Path, policy: str) -> Path | None:
    """Return the checkpoint that the run goes on from, and say so; None where it starts from its beginning.

    Raises:
        DataError: the newest one is damaged, and ``policy`` is strict.
    """
    state, passed_over = newest_state(folder, strict=policy == "strict")
    for sentence in passed_over:
        say(sentence)
    if state is None:
        say(f"no checkpoint to go on from, so the run starts from its beginning in {folder}")
    else:
        say(f"goes on at step {state.stem.rpartition('-')[2]} of {folder}")
    return state


def clear(folder: Path, checkpoint: Path | None) -> None:
    """Remove what an interrupted end of the run left; its record stays until there is another."""
    names = _OF_THE_END if checkpoint is not None else (*_OF_THE_END, "checkpoints")
    for path in (folder / name for name in names):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def say(sentence: str) -> None:
    """Print a sentence, and keep it in the log."""
    Console(soft_wrap=True, highlight=False).print(redact_text(sentence), markup=False)
    log.info(sentence)


def known_run(folder: Path, before: RunState) -> str | None:
    """Return the id of the run's MLflow run, from its state, or from the record of a job that failed early."""
    if before.mlflow.get("run_id") is not None:
        return str(before.mlflow["run_id"])
    if not (folder / "result.json").is_file():
        return None
    return load_result(folder).run.mlflow.get("run_id")


def close_dead(tracker: MlflowRun, experiment: Path) -> None:
    """Mark runs of this experiment KILLED in MLflow whose process was killed before it could: a kill -9 leaves RUNNING.

    Looked at are the newest folders below ``experiment`` that have a state and no record, and whose owner is dead.
    """
    places = [*experiment.glob(f"*/{NAME}"), *experiment.glob(f"*/*/{NAME}")]
    dead = [p.parent for p in places if not (p.parent / "result.json").exists() and run_status(p.parent) == "killed"]
    known: list[tuple[Path, str]] = []
    for folder in sorted(dead, key=lambda path: path.name, reverse=True)[:_MOST_DEAD]:
        try:
            state = read_state(folder)
        except DataError as error:
            log.info(str(error))
            continue
        if state is not None and state.mlflow.get("run_id"):
            known.append((folder, str(state.mlflow["run_id"])))
    for path in sorted(experiment.glob("*/sweep.json"), reverse=True)[:_MOST_DEAD]:
        if (path.parent / ".lock").exists() and not owner_alive(path.parent):
            run = json.loads(path.read_text(encoding="utf-8")).get("mlflow_parent_run_id")
            known += [(path.parent, run)] if run else []
    for folder, run in known:
        tracker.close_dead(run, folder)
