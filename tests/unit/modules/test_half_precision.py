"""Training steps in every precision a CPU has, with what needs care in half of it: clipping, class weights, metrics."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.plugins.precision import MixedPrecision
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from ftlab.build import build_optimizer
from ftlab.modules.classifier import ClassifierModule
from training import Data, Net

CLIP = 0.01


def trained(folder: Path, precision: str, target: str = "torch.optim.SGD", **options: Any) -> tuple[L.Trainer, float]:
    """Take one step with a rate of 1, so that weights move by the clipped gradient; return how far they moved."""
    torch.manual_seed(3)
    module = ClassifierModule(
        Net(),
        MetricCollection({"accuracy": MulticlassAccuracy(3, average="micro")}),
        optimizer=build_optimizer({"_target_": target, "lr": 1.0}, "cpu", precision),
        scheduler=lambda optimizer, steps: torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0),
        class_weights=[1.0, 2.0, 0.5],
    )
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=1,
        limit_train_batches=1,
        gradient_clip_val=CLIP,
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        precision=None if options else precision,
        **options,
    )
    before = [p.detach().double().clone() for p in module.net.parameters()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on loaders
        trainer.fit(module, datamodule=Data(1, 0))
    moved = [p.detach().double() - was for p, was in zip(module.net.parameters(), before, strict=True)]
    return trainer, float(torch.cat([m.flatten() for m in moved]).norm())


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "64-true"])
def test_a_fused_step_is_clipped(tmp_path: Path, precision: str) -> None:
    trainer, moved = trained(tmp_path, precision)
    assert trainer.optimizers[0].defaults["fused"] is True
    assert moved == pytest.approx(CLIP, rel=0.02)


@pytest.mark.parametrize("precision", ["bf16-true", "16-true"])
def test_weights_of_half_precision_train_with_class_weights_and_metrics(tmp_path: Path, precision: str) -> None:
    trainer, moved = trained(tmp_path, precision)
    assert trainer.global_step == 1 and 0 < moved < 2 * CLIP + 0.02  # weights before are rounded to half as well
    assert torch.isfinite(trainer.callback_metrics["val/loss"])


def test_a_gradient_scaler_gets_an_optimizer_it_can_unscale_before_clipping(tmp_path: Path) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    plugin = MixedPrecision("16-mixed", "cpu", scaler)
    trainer, moved = trained(tmp_path, "16-mixed", plugins=[plugin])
    assert not trainer.optimizers[0].defaults["fused"]
    assert moved == pytest.approx(CLIP, rel=0.02)  # of the gradient itself, not of 1,024 times it
