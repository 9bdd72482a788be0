"""MLflow: a parent run per sweep, a child per job. Batched, and never the reason a run dies."""

from __future__ import annotations

import logging
import os
import time
from argparse import Namespace
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers.logger import Logger
from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from ftlab.background import Background
from ftlab.mlflow_store import artifact_location, close_dead, find_experiment, open_again
from ftlab.redact import redact, redact_text

log = logging.getLogger(__name__)
_BATCH = 1000  # MLflow takes at most this many points in one call
_PARAMS = 100  # and this many params
_WAITING = 200_000  # points that may wait for a store that does not answer: about 40 MB
# Seconds without an answer after which a server over HTTP is given up, when the run starts and when it waits for the
# last points. A local store has its own limits, and making a new one takes a while.
_START_SECONDS, _END_SECONDS = 15.0, 5.0


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

    Everything is written by a thread of its own, in order: training never waits for the store, and only the start, the
    end of a fit or test, and ``finish`` do, for a while. Points are buffered and written with ``log_batch`` when
    ``flush_seconds`` have passed: about 3,000 points a second against 100 one by one. An MLflow fault is said once and
    switches tracking off; the run folder has it all.

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
        self._points: deque[tuple[str, float, int, int]] = deque()  # name, value, ms since 1970, step; not yet written
        self._background = Background("mlflow", self._give_up)
        remote = uri.startswith("http")
        self._patience = _END_SECONDS if remote else None
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
        self._given_up = False
        self._background.do(lambda: self._open(experiment, output_dir, named))
        self._wait(_START_SECONDS if remote else None)

    def _open(self, experiment: str, output_dir: Path, tags: Mapping[str, str]) -> None:
        """Make the run, or open it again."""
        known = self.names
        client = MlflowClient(known.uri)
        run = None if known.run_id is None else open_again(client, known.run_id, tags)
        parent = known.parent_run_id
        if run is not None:
            self._params, self._names = frozenset(run.data.params), frozenset(run.data.metrics)
            parent = parent or run.data.tags.get("mlflow.parentRunId")
        else:
            experiment_id = find_experiment(client, experiment, artifact_location(known.uri, output_dir))
            run = client.create_run(experiment_id, tags=tags, run_name=self._name)
        if not self._given_up:  # or it came too late, and the run goes on without it
            self.names = RunNames(known.uri, run.info.experiment_id, run.info.run_id, parent)
            self._client = client

    def _has(self, client: MlflowClient, name: str, step: int) -> bool:
        """Return whether the run had this point before it was opened again."""
        if name not in self._names:
            return False
        if name not in self._steps:
            held = client.get_metric_history(self.names.run_id, name)
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
        if not self.active:
            return
        now = int(time.time() * 1000)
        numbers = ((name, float(value)) for name, value in metrics.items())
        at = -1 if step is None else step
        self._points.extend([(name, x, now, at) for name, x in numbers if -float("inf") < x < float("inf")])
        if time.monotonic() - self._flushed > self._flush_seconds:
            self.save()

    @rank_zero_only
    def save(self) -> None:
        """Have written what is buffered, without waiting for it."""
        self._flushed = time.monotonic()
        if len(self._points) > _WAITING:
            self._give_up(TimeoutError(f"{len(self._points):,} numbers wait for it"))
        elif self._points:
            self._background.do(self._write)

    def _write(self) -> None:
        """Write the buffered points, on the background thread."""
        while self._points and self._client is not None and self.names.run_id is not None:
            batch = [self._points.popleft() for _ in range(min(_BATCH, len(self._points)))]
            # A run that goes on comes past the points after its checkpoint once more; those without a step are final.
            new = [p for p in batch if p[3] < 0 or not self._has(self._client, p[0], p[3])]
            if new:
                metrics = [Metric(name, value, when, max(at, 0)) for name, value, when, at in new]
                self._client.log_batch(self.names.run_id, metrics=metrics)
            self._background.moved()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write what is buffered. The run goes on: ``finish`` ends it."""
        self.save()
        self._wait(self._patience)

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
        """Write what is buffered and end the run: FINISHED, FAILED or KILLED."""
        self.save()
        self._call("set_terminated", status)
        self._wait(self._patience)

    @rank_zero_only
    def close_dead(self, run_id: str, folder: Path) -> None:
        """Mark another run KILLED that still counts as running, if it is that of ``folder``."""
        self._do(lambda client: close_dead(client, run_id, folder))
        self._wait(self._patience)

    def _call(self, method: str, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        self._do(lambda client: getattr(client, method)(self.names.run_id, *args, **kwargs))

    def _do(self, task: Callable[[MlflowClient], None]) -> None:
        def now() -> None:
            if self._client is not None:  # it was not given up meanwhile
                task(self._client)

        if self.active:
            self._background.do(now)

    def _wait(self, patience: float | None) -> None:
        """Wait until all is written; a store that does not answer for ``patience`` seconds is given up."""
        if not self._given_up and not self._background.wait(patience):
            self._give_up(TimeoutError(f"no answer for {patience:g} seconds"))

    def _give_up(self, error: Exception) -> None:
        """Switch tracking off: whatever a store makes its client raise, the run goes on without it."""
        if self._given_up:
            return
        self._client, self._given_up = None, True
        self._points.clear()
        log.warning(
            "MLflow at %s does not take this run any more (%s); the run goes on, and its folder holds every number",
            redact_text(self.names.uri),
            redact_text((str(error) or type(error).__name__).splitlines()[0]),
        )
