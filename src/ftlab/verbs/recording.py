"""What is left of a run however it ends: log, configuration, MLflow status, result.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from omegaconf import DictConfig

from ftlab.errors import UserError
from ftlab.results import RunInfo, RunResult
from ftlab.tracking import MlflowRun, tracking_uri
from ftlab.verbs.record import failed_result, mlflow_params, now, run_info, run_tags, write_config
from ftlab.verbs.runlog import run_log
from ftlab.verbs.sweep import read_sweep


class Recording:
    """Context of a run: ``start`` opens the MLflow run, ``finish`` writes the record; an error is recorded on exit.

    Args:
        cfg: of the verb; its keys ``name``, ``seed``, ``experiment_name``, ``output_dir`` and ``tracking`` are read.
        folder: of the run.
        verb: that runs.
        parent: id of the run that is looked at, where the verb looks at one.
    """

    def __init__(self, cfg: DictConfig, folder: Path, verb: str = "train", parent: str | None = None) -> None:
        self.cfg, self.folder = cfg, folder
        self.verb, self.parent = verb, parent
        self.started = now()
        self.sweep = read_sweep(folder)
        self.tracker: MlflowRun | None = None
        self._log = run_log(folder)

    def __enter__(self) -> Recording:
        """Open run.log and write config.yaml."""
        self._log.__enter__()
        write_config(self.cfg, self.folder)
        return self

    def start(self, tags: Mapping[str, str | None]) -> None:
        """Open the MLflow run, once data and model have passed their checks."""
        if not self.cfg.tracking.enabled:
            return
        output_dir = Path(self.cfg.output_dir)
        uri = tracking_uri(self.cfg.tracking.uri, output_dir)
        tags = run_tags(self.folder, {"ftlab.sweep": self.sweep.get("id"), **tags})
        parent = self.sweep.get("mlflow_parent_run_id")
        self.tracker = MlflowRun(uri, self.cfg.experiment_name, self.cfg.name, output_dir, tags, parent)
        self.tracker.log_hyperparams(mlflow_params(self.cfg))

    @property
    def mlflow(self) -> dict[str, str | None]:
        """Where the run lies in MLflow; all None without tracking."""
        if self.tracker is None:
            return {"uri": None, "experiment_id": None, "run_id": None, "parent_run_id": None}
        return self.tracker.names.to_dict()

    def info(self, status: str, error: BaseException | None = None) -> RunInfo:
        """Return who ran what, until now."""
        return run_info(
            self.cfg,
            self.folder,
            status=status,
            started=self.started,
            sweep=self.sweep,
            mlflow=self.mlflow,
            error=error,
            verb=self.verb,
            parent=self.parent,
        )

    def finish(self, result: RunResult) -> None:
        """Write result.json, log its numbers and the small files, and end the MLflow run."""
        path = result.save(self.folder)
        if self.tracker is None:
            return
        self.tracker.log_metrics(result.flat())
        for file in (path, self.folder / "config.yaml"):
            self.tracker.log_artifact(file)
        for plot in sorted((self.folder / "plots").glob("*.png")):
            self.tracker.log_artifact(plot, "plots")
        self.tracker.finish("FINISHED")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Record an error, then close the log."""
        try:
            # A fault of the user's found before the run began leaves no record: launch removes the folder.
            if error is not None and (self.tracker is not None or not isinstance(error, UserError)):
                self._record(error)
        finally:
            self._log.__exit__(None, None, None)

    def _record(self, error: BaseException) -> None:
        killed = isinstance(error, (KeyboardInterrupt, SystemExit))
        status: Any = "killed" if killed else "failed"
        failed_result(
            self.cfg,
            self.folder,
            error,
            self.sweep,
            self.mlflow,
            status=status,
            started=self.started,
            verb=self.verb,
            parent=self.parent,
        ).save(self.folder)
        if self.tracker is not None:
            self.tracker.finish("KILLED" if killed else "FAILED")
