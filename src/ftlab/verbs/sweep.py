"""A sweep: one MLflow parent, a record per job however it ends, and one table."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlflow.tracking import MlflowClient
from omegaconf import DictConfig
from rich.console import Console

from ftlab.errors import ConfigError, UserError
from ftlab.mlflow_store import FAULTS
from ftlab.redact import redact_text
from ftlab.report.terminal import show, sweep_table
from ftlab.results import RunResult, load_result
from ftlab.state import write_durably
from ftlab.tracking import MlflowRun, tracking_uri
from ftlab.verbs.record import failed_result, run_tags, write_config
from ftlab.verbs.resuming import close_dead, known_run, state_before
from ftlab.verbs.sweep_report import log_report, report_sweep

NAME = "sweep.json"


def start(cfg: DictConfig, folder: Path, grid: Mapping[str, Any]) -> None:
    """Make the parent run, before any job starts, so that the jobs find database and experiment made.

    Of a sweep that goes on, the parent run is opened again.

    Args:
        cfg: of the first job.
        folder: of the sweep; it keeps ``sweep.json``.
        grid: what the sweep is known by when it goes on.
    """
    before = _read_note(folder)
    parent_id = before.get("mlflow_parent_run_id")
    if cfg.tracking.enabled:
        output_dir = folder.parents[1]
        uri = tracking_uri(cfg.tracking.uri, output_dir)
        tags = {"ftlab.folder": str(folder)}
        parent = MlflowRun(uri, cfg.experiment_name, folder.name, output_dir, tags, run_id=parent_id)
        parent_id = parent.names.run_id
        if not before:
            close_dead(parent, folder.parent)
    started = before.get("started") or datetime.now(UTC).isoformat(timespec="seconds")
    identity = folder.name.rsplit("_", 1)[-1]
    note = {"id": identity, "mlflow_parent_run_id": parent_id, "started": started, "grid": grid}
    write_durably(folder / NAME, json.dumps(note, indent=2, default=str))


def read_sweep(job_folder: Path) -> dict[str, Any]:
    """Return what the parent left for a job of the sweep: id and MLflow parent; empty for a single run."""
    return _read_note(job_folder.parent)


def _read_note(folder: Path) -> dict[str, Any]:
    path = folder / NAME
    if not path.is_file():
        return {}
    note: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return note


def record_failure(cfg: DictConfig, folder: Path, error: BaseException) -> None:
    """Leave a record of a job that failed, with its traceback in run.log; the rest of the sweep goes on."""
    folder.mkdir(parents=True, exist_ok=True)
    if not isinstance(error, UserError):
        with (folder / "run.log").open("a", encoding="utf-8") as log:
            log.write(redact_text("".join(traceback.format_exception(error))))
    if (folder / "result.json").is_file():
        return
    result = failed_result(cfg, folder, error, read_sweep(folder))
    if cfg.tracking.enabled:
        output_dir = folder.parents[2]
        uri = tracking_uri(cfg.tracking.uri, output_dir)
        parent_id, before = read_sweep(folder).get("mlflow_parent_run_id"), state_before(cfg, folder)
        known = None if before is None else known_run(folder, before)
        tags = run_tags(folder, {})
        child = MlflowRun(uri, cfg.experiment_name, cfg.name, output_dir, tags, parent_id, run_id=known)
        child.set_tags({"ftlab.error": str(error)[:500]})
        child.finish("FAILED")
        result = failed_result(cfg, folder, error, read_sweep(folder), child.names.to_dict())
    result.save(folder)


def record_skip(cfg: DictConfig, folder: Path, reason: str) -> None:
    """Leave a record of a job that was left out before it began: no MLflow run, since nothing ran."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "config.yaml").is_file():
        write_config(cfg, folder)
    failed_result(cfg, folder, ConfigError(reason), read_sweep(folder), status="skipped").save(folder)


def finish(cfg: DictConfig, folder: Path, *, whole: bool) -> int:
    """Compare the jobs, print their table, close the parent run, and return how many jobs did not finish.

    ``whole`` says that every job had its turn; else the sweep was interrupted.
    """
    jobs = sweep_jobs(folder)
    failed = sum(result.run.status not in {"finished", "skipped"} for _, result in jobs)
    parent_id = read_sweep(folder / "0").get("mlflow_parent_run_id")
    files, said = report_sweep(folder) if whole and cfg.compare.after_sweep else ([], "")
    if cfg.tracking.enabled and parent_id:
        log_report(cfg.tracking.uri, folder, files)
        _close_parent(cfg, folder, parent_id, "KILLED" if not whole else "FAILED" if failed else "FINISHED")
    show(sweep_table(jobs, said))
    return failed


def sweep_jobs(folder: Path) -> list[tuple[Path, RunResult]]:
    """Return the jobs of a sweep folder that left a record, in the order of their numbers."""
    folders = [path.parent for path in folder.glob("*/result.json")]
    order = sorted(folders, key=lambda path: (len(path.name.split("_")[0]), path.name))
    return [(path, load_result(path)) for path in order]


def _close_parent(cfg: DictConfig, folder: Path, run_id: str, status: str) -> None:
    try:
        MlflowClient(tracking_uri(cfg.tracking.uri, folder.parents[1])).set_terminated(run_id, status)
    except FAULTS as error:
        why = redact_text(str(error))
        Console(stderr=True).print(f"MLflow did not close the sweep's parent run ({why}); the folder is complete")
