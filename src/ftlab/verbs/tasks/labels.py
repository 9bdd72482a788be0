"""What both ways to give labels share: rows with labels, scores per label, and what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ftlab.datasets.datamodule import TextDataModule
from ftlab.metrics.bootstrap import bootstrap_ci95
from ftlab.metrics.classification import per_class
from ftlab.modules.trained import TrainedModule
from ftlab.predictor import Prediction, TorchPredictor, load_predictor
from ftlab.report.frames import write_predictions
from ftlab.report.plots import plot_calibration, plot_confusion_matrix
from ftlab.report.wording import subject
from ftlab.results import RunResult
from ftlab.verbs.files import ScoredSplit
from ftlab.verbs.machine import Machine
from ftlab.verbs.material import Data
from ftlab.verbs.tasks.task import Task
from ftlab.verbs.tested import Answer, Tested

VERIFIED_ROWS = 128  # test rows that the reloaded artefact scores again; all of them in smaller splits


class LabelTask(Task):
    """A task whose module leaves ``Scores`` and whose predictor is a ``TorchPredictor``."""

    task = "classification"
    watches = "val/f1_macro"

    def answers(self, module: TrainedModule, data: Data) -> list[Answer]:
        """Return the label of each sample, with its probability."""
        samples = self.settings.dataset.samples
        if not samples:
            return []
        found: list[Prediction] = module.predictor().predict(samples)
        return [Answer(prediction.label, prediction.probability) for prediction in found]

    def load_saved(self, folder: Path, machine: Machine, precision: str) -> TorchPredictor:
        """Return the predictor on the saved weights, and on the saved prompt where there is one."""
        return load_predictor(folder, **self.saved_options(machine, precision))

    def difference(self, saved: TorchPredictor, data: Data, tested: Tested) -> float:
        """Return the largest difference of a logit, over up to 128 rows."""
        assert isinstance(data, TextDataModule), "rows with labels"
        texts: Sequence[Any] = data.texts("test")
        rows = np.unique(np.linspace(0, len(texts) - 1, min(len(texts), VERIFIED_ROWS)).astype(int))
        logits = saved.score([texts[row] for row in rows], self.settings.dataset.eval_batch_size)
        return float(np.abs(logits - tested.scores.logits[rows]).max())

    def per_class(self, data: Data, tested: Tested) -> dict[str, dict[str, float]]:
        """Return the table per label."""
        return per_class(tested.scores.probabilities, tested.scores.labels, data.labels)

    def intervals(self, data: Data, tested: Tested) -> tuple[dict[str, Any], dict[str, tuple[float, float]]]:
        """Return the table per label, and bootstrap intervals over rows."""
        scores = tested.scores
        intervals = bootstrap_ci95(scores.labels, scores.probabilities, scores.losses)
        return {"per_class": self.per_class(data, tested)}, intervals

    def write_rows(self, result: RunResult, data: Data, tested: Tested, before: Sequence[str], folder: Path) -> None:
        """Write each row's label and probabilities; draw confusion and calibration."""
        assert isinstance(data, TextDataModule), "rows with labels"
        write_labelled_rows(result, data, tested, folder, keep_text=self.settings.predictions.text)


def write_labelled_rows(result: RunResult, data: ScoredSplit, tested: Tested, folder: Path, *, keep_text: bool) -> None:
    """Write ``predictions.parquet`` of rows with labels, and the plots of them."""
    scores, labels = tested.scores, data.labels
    write_predictions(
        folder / "predictions.parquet",
        data.rows("test").ids,
        data.texts("test"),
        scores.labels,
        scores.predictions,
        scores.probabilities,
        scores.losses,
        labels,
        keep_text=keep_text,
    )
    plots, what = folder / "plots", subject(result)
    plot_confusion_matrix(scores.labels, scores.predictions, labels, what, plots / "confusion_matrix.png")
    plot_calibration(scores.probabilities, scores.labels, what, plots / "calibration.png")
