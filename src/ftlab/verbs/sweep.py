"""A sweep: one MLflow parent, a record per job however it ends, and one table."""

from __future__ import annotations

import json
import traceback
from datetime import UTC, datetime
from pathlib import Path

from mlflow.tracking import MlflowClient
from omegaconf import DictConfig
from rich.console import Console

from ftlab.errors import UserError
from ftlab.report.terminal import show, sweep_table
from ftlab.results import RunResult, load_result
from ftlab.tracking import FAULTS, MlflowRun, tracking_uri
from ftlab.verbs.record import failed_result, run_tags


def start(cfg: DictConfig, folder: Path) -> None:
    """Make the parent run, before any job starts, so that the jobs find database and experiment made."""
    parent_id = None
    if cfg.tracking.enabled:
        output_dir = Path(cfg.output_dir)
        uri = tracking_uri(cfg.tracking.uri, output_dir)
        parent = MlflowRun(uri, cfg.experiment_name, folder.name, output_dir, {"ftlab.folder": str(folder)})
        parent_id = parent.names.run_id
    started = datetime.now(UTC).isoformat(timespec="seconds")
    note = {"id": folder.name.rsplit("_", 1)[-1], "mlflow_parent_run_id": parent_id, "started": started}
    (folder / "sweep.json").write_text(json.dumps(note, indent=2), encoding="utf-8")


def read_sweep(job_folder: Path) -> dict[str, str | None]:
    """Return what the parent left for a job of the sweep: id and MLflow parent; empty for a single run."""
    path = job_folder.parent / "sweep.json"
    if not path.is_file():
        return {}
    note: dict[str, str | None] = json.loads(path.read_text(encoding="utf-8"))
    return note


def record_failure(cfg: DictConfig, folder: Path, error: BaseException) -> None:
    """Leave a record of a job that failed, with its traceback in run.log; the rest of the sweep goes on."""
    folder.mkdir(parents=True, exist_ok=True)
    if not isinstance(error, UserError):
        with (folder / "run.log").open("a", encoding="utf-8") as log:
            log.write("".join(traceback.format_exception(error)))
    if (folder / "result.json").is_file():
        return
    result = failed_result(cfg, folder, error, read_sweep(folder))
    if cfg.tracking.enabled:
        output_dir = Path(cfg.output_dir)
        uri = tracking_uri(cfg.tracking.uri, output_dir)
        parent_id = read_sweep(folder).get("mlflow_parent_run_id")
        child = MlflowRun(uri, cfg.experiment_name, cfg.name, output_dir, run_tags(folder, {}), parent_id)
        child.set_tags({"ftlab.error": str(error)[:500]})
        child.finish("FAILED")
        result = failed_result(cfg, folder, error, read_sweep(folder), child.names.to_dict())
    result.save(folder)


def finish(cfg: DictConfig, folder: Path) -> int:
    """Print the table of all jobs, close the parent run, and return how many jobs did not finish."""
    jobs = sweep_jobs(folder)
    failed = sum(result.run.status not in {"finished", "skipped"} for _, result in jobs)
    parent_id = read_sweep(folder / "0").get("mlflow_parent_run_id")
    if cfg.tracking.enabled and parent_id:
        _close_parent(cfg, parent_id, "FAILED" if failed else "FINISHED")
    show(sweep_table(jobs))
    return failed


def sweep_jobs(folder: Path) -> list[tuple[Path, RunResult]]:
    """Return the jobs of a sweep folder that left a record, in the order of their numbers."""
    folders = [path.parent for path in folder.glob("*/result.json")]
    order = sorted(folders, key=lambda path: (len(path.name.split("_")[0]), path.name))
    return [(path, load_result(path)) for path in order]


def _close_parent(cfg: DictConfig, run_id: str, status: str) -> None:
    try:
        MlflowClient(tracking_uri(cfg.tracking.uri, Path(cfg.output_dir))).set_terminated(run_id, status)
    except FAULTS as error:
        Console(stderr=True).print(f"MLflow did not close the sweep's parent run ({error}); the folder is complete")
