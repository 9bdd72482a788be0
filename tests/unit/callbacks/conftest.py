"""A tiny module, batches that are told what to lose, and a real CPU trainer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor, nn

Batch = dict[str, Tensor]


class Tiny(L.LightningModule):
    """The loss of a batch is its own ``loss`` value; each validation logs the next of ``scores``."""

    def __init__(self, scores: list[float] | None = None) -> None:
        super().__init__()
        self.net = nn.Linear(2, 2)
        self.scores = list(scores or [])
        self.test_name = "test"
        self.updates_seen: list[Tensor] = []

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return self.net(batch["input_ids"].float()).sum() * 0 + batch["loss"]

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        pass

    def on_validation_epoch_end(self) -> None:
        if self.scores:
            self.log("val/score", self.scores.pop(0))

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        pass

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.5)


def make_batch(number: int, loss: float = 1.0, rows: int = 3, tokens: int = 2, length: int = 4) -> Batch:
    """Return a batch of ``rows`` texts with ``tokens`` real tokens of ``length``, row ids from 10 x ``number``."""
    mask = torch.zeros(rows, length, dtype=torch.int64)
    mask[:, :tokens] = 1
    return {
        "input_ids": torch.ones(rows, 2, dtype=torch.int64),
        "attention_mask": mask,
        "labels": torch.zeros(rows, dtype=torch.int64),
        "row_ids": torch.arange(rows) + 10 * number,
        "loss": torch.tensor(loss),
    }


class Loader(list[Batch]):
    """A list that Lightning takes for one loader, not for a list of loaders."""


@pytest.fixture
def loader() -> type[Loader]:
    return Loader


@pytest.fixture
def batches() -> Callable[..., list[Batch]]:
    """Return batches numbered from 0, one per loss."""
    return lambda *losses, **options: [make_batch(i, loss, **options) for i, loss in enumerate(losses)]


@pytest.fixture
def tiny() -> type[Tiny]:
    return Tiny


@pytest.fixture
def make_trainer(tmp_path: Any) -> Callable[..., L.Trainer]:
    """Return a quiet CPU trainer with the given callbacks."""

    def make(*callbacks: L.Callback, **options: Any) -> L.Trainer:
        quiet = {
            "accelerator": "cpu",
            "devices": 1,
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "enable_checkpointing": any(isinstance(c, L.pytorch.callbacks.Checkpoint) for c in callbacks),
            "num_sanity_val_steps": 0,
            "default_root_dir": tmp_path,
            "max_epochs": 1,
            "log_every_n_steps": 1,
        }
        return L.Trainer(callbacks=list(callbacks), **{**quiet, **options})

    return make


@pytest.fixture
def fit(make_trainer: Callable[..., L.Trainer]) -> Callable[..., L.Trainer]:
    """Train a module on batches, with one validation batch where it has scores to log."""

    def run(module: Tiny, train: list[Batch], *callbacks: L.Callback, **options: Any) -> L.Trainer:
        trainer = make_trainer(*callbacks, **{"limit_val_batches": 1 if module.scores else 0, **options})
        trainer.fit(module, Loader(train), Loader([make_batch(0)]))
        return trainer

    return run
