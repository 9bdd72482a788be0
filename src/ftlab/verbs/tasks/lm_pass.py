"""A pass of a language model over test rows, outside a training."""

from __future__ import annotations

import warnings

import lightning as L
import torch

from ftlab.datasets.lm_datamodule import LmDataModule
from ftlab.modules.lm_scores import LmScores
from ftlab.modules.trained import TrainedModule


def score_rows(
    module: TrainedModule, data: LmDataModule, device: torch.device, precision: str, batches: int | None = None
) -> LmScores:
    """Return the losses of the test rows, those of the first ``batches`` only where given; the longest come first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on loaders: it was given where the run began
        trainer = L.Trainer(
            accelerator="cuda" if device.type == "cuda" else device.type,
            devices=[device.index or 0] if device.type == "cuda" else 1,
            precision=precision,  # type: ignore[arg-type]
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            barebones=False,
            limit_test_batches=batches,
        )
        trainer.test(module, data.test_dataloader(), verbose=False)
    scores = module.scores()
    assert isinstance(scores, LmScores), "a module of a language model"
    return scores
