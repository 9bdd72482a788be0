"""What tracking costs the thread that trains."""

from __future__ import annotations

import functools
import itertools
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.runner import Line, Unequal, compared, counted

NAME = "tracking"
WHAT = (
    "Milliseconds a step for which logging 10 metrics into a local sqlite store blocks the thread that trains, over "
    "1,000 steps of 2 ms (200 of the slowest way); every point is counted in the database afterwards."
)
METRICS = {f"metric/{number}": 0.1 * number for number in range(10)}
STEP_SECONDS = 0.002
Log = Callable[[int], None]


def measure(quick: bool) -> list[Line]:
    """Time our logger against mlflow's two calls."""
    from mlflow.tracking import MlflowClient

    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{Path(folder) / 'mlflow.db'}"
        MlflowClient(uri).search_experiments()  # makes the database: seconds, once
        sides = _Sides(uri, Path(folder), steps=100 if quick else 1000)
        calls, batches, ends = [], [], []
        for pair in range(1 if quick else 5):
            times = {}
            for side in ("ours", "calls", "batch")[:: 1 if pair % 2 == 0 else -1]:
                times[side] = sides.run(side)
            calls.append((times["ours"], times["calls"]))
            batches.append((times["ours"], times["batch"]))
            ends.append(sides.ended)
    return [
        compared(
            NAME,
            "blocking a step, ours over 10 calls of mlflow.log_metric",
            calls,
            ours="ftlab",
            other="mlflow.log_metric x 10",
            unit="ms",
            wanted="<= 0.05",
        ),
        compared(
            NAME,
            "blocking a step, ours over one mlflow.log_metrics",
            batches,
            ours="ftlab",
            other="mlflow.log_metrics",
            unit="ms",
        ),
        counted(
            NAME,
            "waiting at the end for what is still to be written, 10,000 points in all",
            ends,
            ours="ftlab",
            unit="s",
        ),
    ]


class _Sides:
    """Runs one side into a new run, and counts the points it left."""

    def __init__(self, uri: str, folder: Path, steps: int) -> None:
        self.uri, self.folder, self.steps = uri, folder, steps
        self.ended = 0.0  # seconds that the last end of ours took
        self._number = itertools.count()

    def run(self, side: str) -> float:
        """Return milliseconds of blocking per step."""
        import mlflow

        from ftlab.tracking import MlflowRun

        steps = self.steps // 5 if side == "calls" else self.steps
        if side == "ours":
            run = MlflowRun(self.uri, "bench", f"run {next(self._number)}", self.folder)
            took = self._steps(lambda step: run.log_metrics(METRICS, step), steps)
            began = time.perf_counter()
            run.finish("FINISHED")
            self.ended = time.perf_counter() - began
            identity = str(run.version)
        else:
            mlflow.set_tracking_uri(self.uri)
            mlflow.set_experiment("bench")
            with mlflow.start_run() as active:
                log = _one_by_one(mlflow) if side == "calls" else functools.partial(_at_once, mlflow)
                took = self._steps(log, steps)
            identity = active.info.run_id
        self._count(identity, side, steps)
        return took

    def _steps(self, log: Log, steps: int) -> float:
        """Return the milliseconds per step spent in ``log``, between stretches of work that hold no lock."""
        blocked = 0
        for step in range(steps):
            time.sleep(STEP_SECONDS)
            began = time.perf_counter_ns()
            log(step)
            blocked += time.perf_counter_ns() - began
        return blocked / steps / 1e6

    def _count(self, identity: str, side: str, steps: int) -> None:
        with sqlite3.connect(self.folder / "mlflow.db") as database:
            (found,) = database.execute("select count(*) from metrics where run_uuid = ?", (identity,)).fetchone()
        if found != steps * len(METRICS):
            raise Unequal(f"{side} left {found} of {steps * len(METRICS)} points")


def _at_once(mlflow, step: int) -> None:
    mlflow.log_metrics(METRICS, step)


def _one_by_one(mlflow) -> Log:
    def log(step: int) -> None:
        for name, value in METRICS.items():
            mlflow.log_metric(name, value, step)

    return log
