"""The files of a run folder that every task has: curves and latency samples, and a plot of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from ftlab.datasets.splits import Rows
from ftlab.report.frames import write_history, write_latency
from ftlab.report.plots import plot_latency, plot_loss_curve
from ftlab.report.wording import subject
from ftlab.results import RunResult
from ftlab.verbs.measurements import Measurements


class ScoredSplit(Protocol):
    """Rows with labels that were scored: a data module, or the rows of an evaluation."""

    @property
    def labels(self) -> list[str]:
        """Label names by number."""

    def rows(self, split: Literal["test"]) -> Rows:
        """Return the rows with their ids."""

    def texts(self, split: Literal["test"]) -> Sequence[str] | Sequence[tuple[str, str]]:
        """Return the texts, or pairs of texts."""


def write_series(result: RunResult, measured: Measurements, folder: Path) -> None:
    """Write curves and latency samples, and a plot of each that has something to show."""
    write_history(folder / "history.parquet", measured.history)
    write_latency(folder / "latency.parquet", measured.samples)
    plots, what = folder / "plots", subject(result)
    assert result.quality is not None, "files are written for a run that was tested"
    if measured.history:
        main = result.quality.main
        plot_loss_curve(measured.history, f"val/{main['name']}", main["direction"], what, plots / "loss_curve.png")
    if measured.samples:
        plot_latency(measured.samples, what, plots / "latency.png")
