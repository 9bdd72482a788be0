"""What is left of a run however it ends: log, configuration, MLflow status, result.json."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from omegaconf import DictConfig

from ftlab.errors import UserError
from ftlab.locks import unlock
from ftlab.redact import redact_text
from ftlab.report.generations import TABLE
from ftlab.results import RunInfo, RunResult
from ftlab.tracking import MlflowRun, tracking_uri
from ftlab.verbs.diagnosing import diagnosed_failure
from ftlab.verbs.record import failed_result, mlflow_params, now, run_info, run_tags, write_config
from ftlab.verbs.resuming import (
    changes,
    check_rows,
    clear,
    close_dead,
    find_checkpoint,
    known_run,
    new_state,
    say,
    state_before,
)
from ftlab.verbs.runlog import run_log
from ftlab.verbs.sweep import read_sweep

log = logging.getLogger(__name__)


class Recording:
    """Context of a run: ``start`` opens the MLflow run, ``finish`` writes the record; an error is recorded on exit.

    Args:
        cfg: of the verb; its keys ``name``, ``seed``, ``experiment_name``, ``output_dir`` and ``tracking`` are read.
        folder: of the run.
        verb: that runs.
        parent: id of the run that is looked at, where the verb looks at one.
        overrides: what the user typed; None: this is a job of Hydra, which knows.
    """

    def __init__(
        self,
        cfg: DictConfig,
        folder: Path,
        verb: str = "train",
        parent: str | None = None,
        overrides: Sequence[str] | None = None,
    ) -> None:
        self.cfg, self.folder = cfg, folder
        self.verb, self.parent, self.overrides = verb, parent, overrides
        self.started = now()
        self.sweep = read_sweep(folder)
        self.before = state_before(cfg, folder)
        self.checkpoint: Path | None = None
        if self.before is not None:
            self.cfg = cfg.copy()
            self.cfg.name = self.before.name
            self.started, self.overrides = self.before.started, self.before.overrides
        self.tracker: MlflowRun | None = None
        self._log = run_log(folder)

    def __enter__(self) -> Recording:
        """Open run.log, and write config.yaml and state.json, unless the run has them and goes on."""
        self._log.__enter__()
        if self.before is None:
            write_config(self.cfg, self.folder)
            self._save_state()
        return self

    def _save_state(self, **known: Any) -> None:  # noqa: ANN401
        told = {"of_sweep": self.sweep, "sweep": self.sweep.get("id"), "parent": self.parent}
        told |= {"overrides": self.overrides, **known}
        new_state(self.cfg, self.folder, self.verb, self.started, **told).save(self.folder)

    def start(self, tags: Mapping[str, str | None]) -> None:
        """Open the MLflow run and write state.json, once data and model have passed their checks.

        Of a run that goes on, ``checkpoint`` is then the state to go on from; None: from the beginning.

        Raises:
            DataError: it began with other rows, or its newest checkpoint is damaged and must not be.
        """
        changed = self._go_on(tags.get("ftlab.dataset_digest")) if self.before is not None else {}
        if self.cfg.tracking.enabled:
            self._track(tags, changed)
        known = {"dataset_digest": tags.get("ftlab.dataset_digest"), "mlflow": self.mlflow}
        self._save_state(**known, changed={**(self.before.changed if self.before else {}), **changed})

    def _go_on(self, digest: str | None) -> dict[str, list[Any]]:
        """Find where the run goes on, clear the way, and return the options that changed."""
        assert self.before is not None, "a run that goes on began"
        policy = str(self.cfg.resume_policy)
        check_rows(self.before, digest, self.folder, policy)
        self.checkpoint = find_checkpoint(self.folder, policy)
        changed = changes(self.before, self.cfg)
        for key, (old, new) in changed.items():
            say(f"{key} is {new} from here on, and was {old}")
        if changed:
            self.overrides = None  # as typed now
            write_config(self.cfg, self.folder)
        clear(self.folder, self.checkpoint)
        return changed

    def _track(self, tags: Mapping[str, str | None], changed: Mapping[str, list[Any]]) -> None:
        # Where the run lies says where its store is, whatever output_dir was typed to find it.
        output_dir = Path(self.cfg.output_dir)
        if self.before is not None:
            output_dir = self.folder.parents[2 if self.sweep else 1]
        uri = tracking_uri(self.cfg.tracking.uri, output_dir)
        news = {f"ftlab.changed.{key}": f"{old} -> {new}" for key, (old, new) in changed.items()}
        tags = run_tags(self.folder, {"ftlab.sweep": self.sweep.get("id"), **tags, **news})
        parent, known = self.sweep.get("mlflow_parent_run_id"), None
        if self.before is not None:
            known = known_run(self.folder, self.before)
        self.tracker = MlflowRun(uri, self.cfg.experiment_name, self.cfg.name, output_dir, tags, parent, run_id=known)
        self.tracker.log_hyperparams(mlflow_params(self.cfg))
        if self.before is None and not self.sweep:
            close_dead(self.tracker, self.folder.parent)

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
            overrides=self.overrides,
        )

    def finish(self, result: RunResult) -> None:
        """Write result.json, log its numbers and the small files, and end the MLflow run."""
        path = result.save(self.folder)
        if self.tracker is None:
            return
        self.tracker.log_metrics(result.flat())
        self._tag(result)
        for file in (path, self.folder / "config.yaml", self.folder / TABLE):
            if file.is_file():
                self.tracker.log_artifact(file)
        if (self.folder / TABLE).is_file():  # so that MLflow's pages show it as a table, and mlflow.load_table finds it
            self.tracker.set_tags({"mlflow.loggedArtifacts": json.dumps([{"path": TABLE, "type": "table"}])})
        for plot in sorted((self.folder / "plots").glob("*.png")):
            self.tracker.log_artifact(plot, "plots")
        self.tracker.finish("FINISHED")

    def _tag(self, result: RunResult) -> None:
        """Name the trouble seen where MLflow's table of runs shows it."""
        if result.diagnosis and self.tracker is not None:
            self.tracker.set_tags({"ftlab.trouble": ", ".join(trouble.name for trouble in result.diagnosis)})

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Record an error, then close the log."""
        try:
            # A fault of the user's found before the run began leaves no record: launch removes the folder.
            if error is not None and (self.tracker is not None or not isinstance(error, UserError)):
                self._record_safely(error)
        finally:
            self._log.__exit__(None, None, None)

    def fail(self, error: BaseException) -> None:
        """Record an error for a process that is about to end itself, and give the folder free."""
        self._record_safely(error)
        unlock(self.folder)

    def _record_safely(self, error: BaseException) -> None:
        try:
            self._record(error)
        except Exception as second:  # the first error is the one to report
            log.warning("the record of the run could not be written: %s", redact_text(repr(second)))

    def _record(self, error: BaseException) -> None:
        killed = isinstance(error, (KeyboardInterrupt, SystemExit))
        status: Any = "killed" if killed else "failed"
        result = failed_result(
            self.cfg,
            self.folder,
            error,
            self.sweep,
            self.mlflow,
            status=status,
            started=self.started,
            verb=self.verb,
            parent=self.parent,
            overrides=self.overrides,
        )
        result = diagnosed_failure(result, self.cfg, error)
        result.save(self.folder)
        self._tag(result)
        if self.tracker is not None:
            self.tracker.finish("KILLED" if killed else "FAILED")
