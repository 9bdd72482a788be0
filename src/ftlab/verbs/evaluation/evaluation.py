"""What an evaluation is, whatever the model answers with."""

from __future__ import annotations

import dataclasses
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import torch

from ftlab.artefact import folder_size_mb
from ftlab.modules.precision import inference_device
from ftlab.results import Artefact, DatasetInfo, Quality, RunResult
from ftlab.schema import EvaluateConfig
from ftlab.verbs.tested import Tested


class Evaluation(ABC):
    """A finished run's model and the rows it is scored on.

    Made when both are read and fit each other; nothing is scored yet.

    Args:
        settings: of the verb.
        place: folder of the run.
        trained: record of the run.
    """

    info: DatasetInfo  # of the rows
    model: Any  # what answers: a predictor or a generator
    notes: list[str]  # for the user
    tokens: float  # that a request brings, mean

    def __init__(self, settings: EvaluateConfig, place: Path, trained: RunResult) -> None:
        self.settings, self.place, self.trained = settings, place, trained
        self.device: torch.device = inference_device(settings.device)

    @property
    @abstractmethod
    def data(self) -> Any:  # noqa: ANN401 - of its own kind
        """Give the rows as the latency meter reads them."""

    @abstractmethod
    def score(self) -> Tested:
        """Score all rows."""

    @abstractmethod
    def quality(self, tested: Tested) -> Quality:
        """Return every metric on the rows, with intervals."""

    @abstractmethod
    def write_rows(self, result: RunResult, tested: Tested, folder: Path) -> None:
        """Write ``predictions.parquet``, and files and plots of single rows."""

    def leaked(self, found: int | None, digest: str) -> int | None:
        """Return how many of the rows the run had seen: the same test rows stood in the same training rows."""
        assert self.trained.dataset, "a finished run has one"
        return self.trained.dataset.leaked_rows if digest == self.trained.dataset.test_digest else found

    def artefact(self, folder: Path) -> Artefact:
        """Return the model folder, relative to this evaluation's: the outputs may be moved as a whole."""
        trained = self.trained.artefact
        assert trained, "a finished run has one"
        model = self.place.resolve() / "model"
        path = os.path.relpath(model, folder.resolve())
        return dataclasses.replace(trained, path=path, size_mb=folder_size_mb(model))

    def is_merged(self) -> bool:
        """Tell whether an adapter was folded into the saved weights."""
        artefact, adapter = self.trained.artefact, self.trained.adapter
        if artefact is not None and artefact.form is not None:
            return artefact.form == "full" and artefact.merge_seconds is not None
        members = [adapter[name] for name in adapter.get("stack", ())]
        wraps = any("merge" in part for part in members or [adapter])
        return wraps and not (self.place / "model" / "adapter_config.json").is_file()
