"""The steps of a training run that are more than one call."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from ftlab.callbacks.latency import Latency
from ftlab.callbacks.measuring import find_callback
from ftlab.callbacks.stopping import FirstError, handlers_kept
from ftlab.errors import DataError
from ftlab.measure.cost import device_class, resolve_price
from ftlab.measure.device import device_name
from ftlab.modules.trained import TrainedModule
from ftlab.paths import config_dir
from ftlab.processes import collective
from ftlab.schema import CostConfig
from ftlab.verbs.material import Data
from ftlab.verbs.tested import Tested
from ftlab.yaml_file import read_yaml


def price_here(cost: CostConfig, device: torch.device) -> CostConfig:
    """Return the price that holds on ``device``; ``cost=auto`` looks through the dated files of ``conf/cost``."""
    files = sorted((config_dir() / "cost").glob("[!_]*.yaml"))
    prices = [CostConfig(**read_yaml(path)) for path in files]
    return resolve_price(cost, prices, device_class(device_name(device)))


def class_weights(wanted: Any, counts: list[int]) -> list[float] | None:  # noqa: ANN401 - None, "balanced" or numbers
    """Return one loss weight per label; ``balanced`` is rows / (labels x rows of the label), as in scikit-learn."""
    if wanted is None:
        return None
    if wanted == "balanced":
        return [sum(counts) / (len(counts) * count) if count else 0.0 for count in counts]
    return [float(weight) for weight in wanted]


def planned_steps(trainer: Mapping[str, Any], batches: int) -> int | None:
    """Return the optimizer steps the run will take, or None where the number of epochs has no end."""
    limit = int(trainer.get("max_steps") or -1)
    epochs = int(trainer.get("max_epochs") or -1)
    steps = math.ceil(batches / int(trainer.get("accumulate_grad_batches") or 1)) * epochs
    if limit >= 0:
        return min(limit, steps) if epochs >= 0 else limit
    return steps if epochs >= 0 else None


def fit(trainer: L.Trainer, module: TrainedModule, data: Data, state: Path | None = None) -> None:
    """Train, with dropout on: predicting before training has left the network in eval mode.

    The random generators are seeded right before, so that it does not matter what ran until then; going on from
    ``state``, they are put back to what they were.

    Args:
        trainer: with all its callbacks.
        module: with the weights before training; those of ``state`` replace them.
        data: of the run; its seed is that of the training.
        state: a full checkpoint to go on from; None: from the beginning.

    Raises:
        KeyboardInterrupt, SystemExit: SIGINT or SIGTERM (code 143) asked for it; a full state was written if
            ``Checkpoints`` is among the callbacks.
        DataError: ``state`` is missing or damaged.
    """
    module.train()
    # Each process has a stream of its own, else the rows of all would lose the same units to dropout.
    L.seed_everything((data.seed + collective.number()) % 2**32, verbose=False)
    first = find_callback(trainer, FirstError)
    with handlers_kept():
        try:
            trainer.fit(module, datamodule=data, ckpt_path=state, weights_only=True)
        except BaseException as error:
            if first is None or first.error is None or first.error is error:
                raise
            # Lightning makes another error of an interrupt, and of a logger that fails while it is told of an error.
            raise first.error from None


def test_untrained(trainer: L.Trainer, module: TrainedModule, data: Data) -> Tested:
    """Score the test split with the weights before training; logged as ``untrained/...``."""
    module.test_name = "untrained"
    try:
        return _test(trainer, module, data, None)
    finally:
        module.test_name = "test"


def test_best(trainer: L.Trainer, module: TrainedModule, data: Data) -> Tested:
    """Score the test split with the best checkpoint, or with the weights as they are where none was kept.

    Raises:
        DataError: the best checkpoint is no file here. Lightning would fetch an address that a saved state names.
    """
    keeper = best_checkpoint(trainer)
    path = keeper.best_model_path or None if keeper else None
    if path is not None and not Path(path).is_file():
        raise DataError(f"the best checkpoint {path} is no file on this machine; train the run again")
    return _test(trainer, module, data, path)


def time_requests(trainer: L.Trainer, module: TrainedModule) -> None:
    """Time the predictor where several processes have tested: while they did, nothing could be timed."""
    meter = find_callback(trainer, Latency)
    if trainer.world_size > 1 and meter is not None:
        meter.measure_if_wanted(module.predictor())


def best_checkpoint(trainer: L.Trainer) -> ModelCheckpoint | None:
    """Return the callback that keeps the best weights by a metric."""
    keepers = [c for c in trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint) and c.monitor]
    return keepers[0] if keepers else None


def _test(trainer: L.Trainer, module: TrainedModule, data: Data, path: str | None) -> Tested:
    logged = trainer.test(module, data.test_dataloader(), ckpt_path=path, weights_only=True, verbose=False)[0]
    metrics = {name.split("/", 1)[1]: float(value) for name, value in logged.items()}
    return Tested(metrics, module.scores())


def best_val(history: list[dict[str, Any]], monitor: str, mode: str) -> dict[str, float]:
    """Return all validation metrics of the epoch whose ``monitor`` was best; empty where nothing was validated."""
    seen = [row for row in history if row["name"] == monitor and math.isfinite(row["value"])]
    if not seen:
        return {}
    sign = 1 if mode == "max" else -1
    best = max(seen, key=lambda row: (sign * row["value"], -row["step"]))
    at_best = [row for row in history if row["step"] == best["step"] and row["name"].startswith("val/")]
    return {row["name"].removeprefix("val/"): float(row["value"]) for row in at_best}
