"""What a task does its own way in the one flow of a training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from torch import nn

from ftlab.models.pretrained import LoadedNet
from ftlab.modules.trained import TrainedModule
from ftlab.report.usage import Form
from ftlab.results import RunResult
from ftlab.schema import TrainConfig
from ftlab.verbs.machine import Machine
from ftlab.verbs.material import Data, Material
from ftlab.verbs.tested import Answer, Tested


class Task(ABC):
    """Labels by a head, labels by a prompt, or texts.

    It is made of the configuration alone and holds no rows; what it reads is handed on as ``Material``. The flow, in
    ``verbs/train.py``, is the same for all.
    """

    task: ClassVar[str]  # of the record: classification or causal_lm
    head: ClassVar[str]  # of the record: classification or lm
    watches: ClassVar[str]  # what monitor=auto is

    def __init__(self, settings: TrainConfig) -> None:
        self.settings = settings
        self.monitor = self.watches if settings.monitor == "auto" else settings.monitor

    @abstractmethod
    def read(self, machine: Machine) -> Material:
        """Read the rows, and try model and options on them.

        Raises:
            ConfigError, DataError, ModelError: they do not fit.
        """

    def loading_options(self, machine: Machine) -> dict[str, Any]:
        """Return what every data module is made with, beside its rows."""
        return {
            "cfg": self.settings.dataset,
            "seed": self.settings.seed,
            "part": machine.part,
            "tests_alone": machine.is_sharded,
            "pin_memory": machine.accelerator == "cuda",
        }

    @abstractmethod
    def load(self, material: Material) -> LoadedNet:
        """Load the network, or build it with random weights from torch's global generator."""

    @abstractmethod
    def module(self, net: nn.Module, machine: Machine, material: Material, **options: Any) -> TrainedModule:  # noqa: ANN401
        """Wrap ``net``, adapter included, in what trains it.

        Args:
            net: as ``load`` gave it, with the adapter.
            machine: of the training.
            material: of the run.
            options: optimizer, scheduler, param_groups, weight_decay and fingerprint, as every module takes them.
        """

    @abstractmethod
    def answers(self, module: TrainedModule, data: Data) -> list[Answer]:
        """Answer ``dataset.samples`` with the weights as they are."""

    def beyond(self, module: TrainedModule, data: Data, tested: Tested) -> Tested:
        """Return ``tested`` with what is measured on the test split beyond Lightning's pass over it."""
        return tested

    @abstractmethod
    def save(self, net: nn.Module, material: Material, folder: Path, **how: Any) -> Form:  # noqa: ANN401
        """Write the model folder; ``how`` it is saved whatever the task, as ``save_artefact`` takes it."""

    @abstractmethod
    def load_saved(self, folder: Path, machine: Machine, precision: str) -> Any:  # noqa: ANN401
        """Load a model folder as a stranger would: what ``module.predictor()`` gives, of its weights."""

    def saved_options(self, machine: Machine, precision: str) -> dict[str, Any]:
        """Return what a saved model is loaded with."""
        return {
            "max_length": self.settings.dataset.max_length,
            "device": machine.device,
            "precision": precision,
            "attention": self.settings.model.attention,
        }

    @abstractmethod
    def difference(self, saved: Any, data: Data, tested: Tested) -> float:  # noqa: ANN401
        """Return how far the outputs of ``saved``, on some test rows, are from the tested ones, at most."""

    def per_class(self, data: Data, tested: Tested) -> dict[str, dict[str, float]]:
        """Return precision, recall, f1 and rows of each label; empty where there are none."""
        return {}

    @abstractmethod
    def intervals(self, data: Data, tested: Tested) -> tuple[dict[str, Any], dict[str, tuple[float, float]]]:
        """Return what else stands beside the metrics of the test split, and the 95% interval of each metric."""

    @abstractmethod
    def write_rows(self, result: RunResult, data: Data, tested: Tested, before: Sequence[str], folder: Path) -> None:
        """Write ``predictions.parquet``, and files and plots that only this task has.

        Args:
            result: of the run.
            data: of the run.
            tested: with the weights that ship.
            before: what the untrained weights wrote to the rows that ``tested`` has answers to.
            folder: of the run.
        """
