"""MLflow: a parent run per sweep, a child per job. Batched, and never the reason a run dies."""

from __future__ import annotations

import logging
import os
import time
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers.logger import Logger
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

from ftlab.redact import redact, redact_text

log = logging.getLogger(__name__)
# What a store that is down, full, locked or broken raises, over HTTP (requests' errors are OSErrors) or on a database.
FAULTS = (MlflowException, OSError, SQLAlchemyError)
_BATCH = 1000  # MLflow takes at most this many points in one call
_PARAMS = 100  # and this many params
_GONE = "RESOURCE_DOES_NOT_EXIST"


def tracking_uri(uri: str | None, output_dir: Path) -> str:
    """Return ``uri``, else MLFLOW_TRACKING_URI, else the sqlite file below ``output_dir`` (an absolute path)."""
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{output_dir.resolve() / 'mlflow.db'}"


@dataclass(frozen=True, slots=True)
class RunNames:
    """Where the run lies in MLflow. None: it could not be written there."""

    uri: str
    experiment_id: str | None = None
    run_id: str | None = None
    parent_run_id: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Return the record for result.json, with no login in the address."""
        ids = {"experiment_id": self.experiment_id, "run_id": self.run_id, "parent_run_id": self.parent_run_id}
        return {"uri": redact_text(self.uri), **ids}


class MlflowRun(Logger):
    """One MLflow run as a Lightning logger.

    Points are buffered and written with ``log_batch`` when ``flush_seconds`` have passed: about 3,000 points a second
    against 100 one by one. An MLflow fault is said once and switches tracking off; the run folder has it all.

    Args:
        uri: tracking address.
        experiment: name, made when new; its artefacts lie below ``output_dir``.
        name: of the run.
        output_dir: where local artefacts go.
        tags: written at the start.
        parent_run_id: of the sweep.
        run_id: of a run that goes on. It is opened again; params and points it has are not written twice. Where the
            store no longer has it, that is said, and a new one is made.
    """

    def __init__(
        self,
        uri: str,
        experiment: str,
        name: str,
        output_dir: Path,
        tags: Mapping[str, str | None] | None = None,
        parent_run_id: str | None = None,
        flush_seconds: float = 5.0,
        run_id: str | None = None,
    ) -> None:
        super().__init__()
        self._points: list[Metric] = []
        self._flush_seconds = flush_seconds
        self._flushed = time.monotonic()
        self._name = name
        self.names = RunNames(uri, run_id=run_id, parent_run_id=parent_run_id)
        self._client: MlflowClient | None = None
        self._params: frozenset[str] = frozenset()  # that the run had when it was opened again
        self._names: frozenset[str] = frozenset()  # of metrics, likewise
        self._steps: dict[str, frozenset[int]] = {}  # their points, read when first needed
        named = {k: redact_text(v) for k, v in (tags or {}).items() if v is not None}
        if parent_run_id:
            named["mlflow.parentRunId"] = parent_run_id
        try:
            self._client = MlflowClient(uri)
            if run_id is None or not self._open_again(self._client, run_id, named):
                experiment_id = _experiment_id(self._client, uri, experiment, output_dir)
                run = self._client.create_run(experiment_id, tags=named, run_name=name)
                self.names = RunNames(uri, experiment_id, run.info.run_id, parent_run_id)
        except FAULTS as error:
            self._give_up(error)

    def _open_again(self, client: MlflowClient, run_id: str, tags: Mapping[str, str]) -> bool:
        """Set the run RUNNING again and note what it has; False where the store does not have it."""
        try:
            run = client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != _GONE:
                raise
            run = None
        if run is None or run.info.lifecycle_stage != "active":
            where = redact_text(self.names.uri)
            log.warning("MLflow at %s no longer has run %s; a new one takes its place", where, run_id)
            return False
        client.update_run(run_id, status="RUNNING")
        client.log_batch(run_id, tags=[RunTag(k, v) for k, v in tags.items()])
        parent = run.data.tags.get("mlflow.parentRunId")
        self.names = RunNames(self.names.uri, run.info.experiment_id, run_id, self.names.parent_run_id or parent)
        self._params, self._names = frozenset(run.data.params), frozenset(run.data.metrics)
        return True

    def _has(self, name: str, step: int) -> bool:
        """Return whether the run had this point before it was opened again."""
        if name not in self._names or self._client is None:
            return False
        if name not in self._steps:
            try:
                held = self._client.get_metric_history(self.names.run_id, name)
            except FAULTS as error:
                self._give_up(error)
                return False
            self._steps[name] = frozenset(int(point.step) for point in held)
        return step in self._steps[name]

    @property
    def name(self) -> str:
        """The run's name."""
        return self._name

    @property
    def version(self) -> str | None:
        """The MLflow run id."""
        return self.names.run_id

    @property
    def active(self) -> bool:
        """Whether MLflow still takes what is logged."""
        return self._client is not None and self.names.run_id is not None

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Log flat ``params``, redacted, values cut to what MLflow takes (6,000 characters)."""
        named = vars(params) if isinstance(params, Namespace) else params
        entries = [Param(k, str(v)[:6000]) for k, v in redact(named).items() if k not in self._params]
        for start in range(0, len(entries), _PARAMS):
            self._call("log_batch", params=entries[start : start + _PARAMS])

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Buffer the finite values of ``metrics``; MLflow would give infinity back as a number."""
        now = int(time.time() * 1000)
        finite = {k: float(v) for k, v in metrics.items() if -float("inf") < float(v) < float("inf")}
        if step is not None:  # a run that goes on comes past the points after its checkpoint once more
            finite = {k: v for k, v in finite.items() if not self._has(k, step)}
        self._points += [Metric(k, v, now, step or 0) for k, v in finite.items()]
        if time.monotonic() - self._flushed > self._flush_seconds:
            self.save()

    @rank_zero_only
    def save(self) -> None:
        """Write what is buffered."""
        points, self._points = self._points, []
        self._flushed = time.monotonic()
        for start in range(0, len(points), _BATCH):
            self._call("log_batch", metrics=points[start : start + _BATCH])

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write what is buffered. The run goes on: ``finish`` ends it."""
        self.save()

    @rank_zero_only
    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """Copy one file."""
        self._call("log_artifact", str(path), folder)

    @rank_zero_only
    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags, redacted."""
        self._call("log_batch", tags=[RunTag(k, redact_text(v)) for k, v in tags.items()])

    @rank_zero_only
    def finish(self, status: str) -> None:
        """End the run: FINISHED, FAILED or KILLED."""
        self.save()
        self._call("set_terminated", status)

    @rank_zero_only
    def close_dead(self, run_id: str, folder: Path) -> None:
        """Mark another run KILLED that still counts as running, if it is that of ``folder``."""
        if self._client is None:
            return
        try:
            run = self._client.get_run(run_id)
            if run.info.status == "RUNNING" and run.data.tags.get("ftlab.folder") == str(folder):
                self._client.set_terminated(run_id, "KILLED")
        except FAULTS as error:  # of another store, perhaps; ours goes on
            log.info("MLflow did not mark %s as killed: %s", run_id, redact_text(str(error)))

    def _call(self, method: str, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        if self._client is None or self.names.run_id is None:
            return
        try:
            getattr(self._client, method)(self.names.run_id, *args, **kwargs)
        except Exception as error:  # whatever a tracking server makes its client raise: the run goes on without it
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._client = None
        log.warning(
            "MLflow at %s does not take this run any more (%s); the run goes on, and its folder holds every number",
            redact_text(self.names.uri),
            redact_text((str(error) or type(error).__name__).splitlines()[0]),
        )


def _experiment_id(client: MlflowClient, uri: str, experiment: str, output_dir: Path) -> str:
    found = client.get_experiment_by_name(experiment)
    if found is not None:
        return str(found.experiment_id)
    local = uri.startswith("sqlite:")
    location = (output_dir.resolve() / "mlartifacts").as_uri() if local else None
    try:
        return str(client.create_experiment(experiment, artifact_location=location))
    except MlflowException:
        # Another process may have made it since we looked.
        found = client.get_experiment_by_name(experiment)
        if found is None:
            raise
        return str(found.experiment_id)
