"""A pass of a language model over test rows, outside a training."""

from __future__ import annotations

import warnings

import lightning as L
import torch

from ftlab.datasets.lm_datamodule import LmDataModule
from ftlab.modules.trained import TrainedModule
from ftlab.verbs.tested import Tested


def pass_over_test(
    module: TrainedModule, data: LmDataModule, device: torch.device, precision: str, batches: int | None = None
) -> Tested:
    """Return loss, perplexity and own metrics of the test rows, of the first ``batches``, the longest, where given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on loaders: it was given where the run began
        trainer = L.Trainer(
            accelerator=device.type,
            devices=[device.index or 0] if device.type == "cuda" else 1,
            precision=precision,  # type: ignore[arg-type]
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            limit_test_batches=batches,
        )
        logged = trainer.test(module, data.test_dataloader(), verbose=False)[0]
    return Tested({name.split("/", 1)[1]: float(value) for name, value in logged.items()}, module.scores())
