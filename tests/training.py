"""A small training with all that makes resuming hard, a way to kill it anywhere, and what to compare afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import EarlyStopping
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from ftlab.build import build_optimizer, build_trainer
from ftlab.callbacks.checkpoint import Checkpoints
from ftlab.callbacks.cost import Cost
from ftlab.callbacks.curves import Curves
from ftlab.callbacks.energy import Energy
from ftlab.callbacks.memory import Memory
from ftlab.callbacks.nan_guard import NanGuard
from ftlab.callbacks.progress import Progress
from ftlab.callbacks.throughput import Throughput
from ftlab.datasets.batching import EpochBatches, SortedBatches
from ftlab.datasets.loader import ResumableLoader
from ftlab.modules.classifier import ClassifierModule
from ftlab.schema import CostConfig
from ftlab.verbs import stages

Batch = dict[str, Tensor]
HOOKS = {
    "batch start": "on_train_batch_start",
    "backward": "on_before_backward",
    "batch end": "on_train_batch_end",
    "epoch start": "on_train_epoch_start",
    "epoch end": "on_train_epoch_end",
    "val start": "on_validation_start",
    "val batch": "on_validation_batch_end",
    "val end": "on_validation_end",
}


class Net(nn.Module):
    """Mean of embeddings, dropout, a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(30, 6)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(6, 3)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=self.head(self.dropout(self.table(input_ids)).mean(dim=1)))


def rows(number: int, seed: int) -> list[Batch]:
    generator = torch.Generator().manual_seed(seed)
    return [
        {
            "input_ids": torch.randint(0, 30, (4,), generator=generator),
            "attention_mask": torch.ones(4, dtype=torch.int64),
            "labels": torch.tensor(int(torch.randint(0, 3, (), generator=generator))),
            "row_ids": torch.tensor(row),
        }
        for row in range(number)
    ]


class Data(L.LightningDataModule):
    """Forty distinct rows in ten batches, shuffled; eight to validate on."""

    def __init__(self, seed: int, workers: int) -> None:
        super().__init__()
        self.seed, self._workers = seed, workers
        self._rows, self._val = rows(40, 0), rows(8, 1)
        self.loaded: list[int] = []

    def train_dataloader(self) -> DataLoader[Any]:
        order = EpochBatches(np.full(40, 4), 4, self.seed, grouped=False)
        workers: dict[str, Any] = {"num_workers": self._workers, "persistent_workers": self._workers > 0}
        return ResumableLoader(self._rows, batch_sampler=order, generator=torch.Generator(), **workers)

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self._val, batch_sampler=SortedBatches(np.full(8, 4), 4), generator=torch.Generator())


class Watch(L.Callback):
    """Writes down which rows each batch of each epoch had and what it lost, as hexadecimal floats."""

    def __init__(self) -> None:
        self.seen: dict[tuple[int, int], tuple[list[int], str]] = {}

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Batch, batch_idx: int) -> None:
        place = (trainer.current_epoch, batch_idx)
        assert place not in self.seen, "a batch came twice"
        self.seen[place] = (batch["row_ids"].tolist(), float(outputs["loss"]).hex())


class Strike(L.Callback):
    """Does ``act`` when a hook is called for the n-th time, counted from 1."""

    def __init__(self, hook: str, number: int, act: Any) -> None:
        self.calls, self.number = 0, number

        def strike(*_: Any, **__: Any) -> None:
            self.calls += 1
            if self.calls == number:
                act()

        setattr(self, HOOKS[hook], strike)


class CrashError(RuntimeError):
    """Ends a training with no chance to save anything."""


def crash() -> None:
    raise CrashError


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@dataclass
class Run:
    """A training with its parts."""

    folder: Path
    seed: int = 7
    workers: int = 0
    every_n_steps: int | None = 3
    patience: int = 50
    options: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=lambda: {"_target_": "torch.optim.AdamW", "lr": 0.02})

    def fit(self, *more: L.Callback, state: Path | None = None, logger: Any = False) -> Run:
        """Train in ``folder``, from ``state`` if one is given."""
        torch.manual_seed(self.seed)
        price = CostConfig(usd_per_hour=1.0, device_class="cpu")
        self.keeper = Checkpoints(self.folder, "val/loss", "min", every_n_steps=self.every_n_steps, every_minutes=None)
        self.curves, self.speed, self.watch = Curves(), Throughput(), Watch()
        self.cost, self.energy, self.memory = Cost(price), Energy(price), Memory()
        self.stopping = EarlyStopping("val/loss", patience=self.patience, check_finite=False, strict=False)
        measuring = [self.curves, self.speed, self.cost, self.energy, self.memory, Progress("val/loss", "net", {})]
        self.data = Data(self.seed, self.workers)
        self.module = ClassifierModule(
            Net(),
            MetricCollection({"accuracy": MulticlassAccuracy(3, average="micro")}),
            optimizer=build_optimizer(self.optimizer, "cpu", "32-true"),
            scheduler=lambda optimizer, steps: torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, steps),
        )
        options = {"max_epochs": 3, "log_every_n_steps": 2, "enable_progress_bar": False, **self.options}
        self.trainer = build_trainer(
            {"_target_": "lightning.Trainer", "accelerator": "cpu", "devices": 1, **options},
            precision="32-true",
            folder=self.folder,
            callbacks=[self.stopping, *measuring, NanGuard(), self.keeper, self.watch, *more],
            logger=logger,
        )
        stages.fit(self.trainer, self.module, self.data, state)  # type: ignore[arg-type]
        return self

    def outcome(self) -> dict[str, Any]:
        """Return what must be equal to the bit: tensors, schedule, curves, best, counts."""
        trainer = self.trainer
        optimizer = trainer.optimizers[0].state_dict()
        moments = dict(leaves(optimizer["state"]))
        schedule = trainer.lr_scheduler_configs[0].scheduler.state_dict()
        counted = ("epochs", "steps", "padding_fraction")
        return {
            "weights": hashes(self.module.state_dict()),
            "moments": hashes(moments),
            "schedule": json.dumps(schedule, default=str),
            "groups": str(optimizer["param_groups"]),
            "steps": trainer.global_step,
            "epoch": trainer.current_epoch,
            "history": [(p["step"], p["epoch"], p["name"], p["value"].hex()) for p in self.curves.history],
            "best": (Path(self.keeper.best_model_path).name, str(self.keeper.best_model_score)),
            "best weights": hashes(torch.load(self.keeper.best_model_path, weights_only=True)["state_dict"]),
            "patience": (self.stopping.wait_count, str(self.stopping.best_score)),
            "counts": {name: self.speed.measured()["training"][name] for name in counted},
            "random": hashes({"torch": torch.get_rng_state()}),
        }


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor or number below ``node`` with its dotted path."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, f"{path}.{key}")
    elif node is not None:
        yield path, torch.as_tensor(node)


def hashes(tensors: dict[str, Tensor]) -> dict[str, str]:
    """Return name -> SHA-256 of the bytes."""
    return {k: hashlib.sha256(v.detach().cpu().contiguous().numpy().tobytes()).hexdigest() for k, v in tensors.items()}
