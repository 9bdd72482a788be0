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
    ) -> None:
        super().__init__()
        self._points: list[Metric] = []
        self._flush_seconds = flush_seconds
        self._flushed = time.monotonic()
        self._name = name
        self.names = RunNames(uri)
        self._client: MlflowClient | None = None
        try:
            self._client = MlflowClient(uri)
            experiment_id = _experiment_id(self._client, uri, experiment, output_dir)
            named = {k: redact_text(v) for k, v in (tags or {}).items() if v is not None}
            if parent_run_id:
                named["mlflow.parentRunId"] = parent_run_id
            run = self._client.create_run(experiment_id, tags=named, run_name=name)
            self.names = RunNames(uri, experiment_id, run.info.run_id, parent_run_id)
        except FAULTS as error:
            self._give_up(error)

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
        entries = [Param(k, str(v)[:6000]) for k, v in redact(named).items()]
        for start in range(0, len(entries), _PARAMS):
            self._call("log_batch", params=entries[start : start + _PARAMS])

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Buffer the finite values of ``metrics``; MLflow would give infinity back as a number."""
        now = int(time.time() * 1000)
        finite = {k: float(v) for k, v in metrics.items() if -float("inf") < float(v) < float("inf")}
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

    def _call(self, method: str, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        if self._client is None or self.names.run_id is None:
            return
        try:
            getattr(self._client, method)(self.names.run_id, *args, **kwargs)
        except FAULTS as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._client = None
        log.warning(
            "MLflow at %s does not take this run any more (%s); the run goes on, and its folder holds every number",
            redact_text(self.names.uri),
            redact_text(str(error).splitlines()[0]),
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
