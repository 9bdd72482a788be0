"""AdaLoRA's budget in Lightning's loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

import nets
from ftlab.adapters.adalora import add_adalora


class Module(L.LightningModule):
    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        self.net = net

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        logits = self.net(input_ids=batch, attention_mask=torch.ones_like(batch)).logits
        return torch.nn.functional.cross_entropy(logits, batch[:, 0] % 3)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW([p for p in self.parameters() if p.requires_grad], lr=0.01)


def fit(
    folder: Path, steps: int, *, total: int | None = None, state: Path | None = None, every: int = 1, **options: Any
) -> tuple[torch.nn.Module, L.Trainer]:
    """Train a tiny Llama, which drops nothing, for ``steps`` of a training that has ``total``."""
    torch.manual_seed(3)
    adapted = add_adalora(
        nets.tiny("llama"), rank=4, initial_rank=8, dropout=0.0, total_steps=total or steps, **options
    )
    # Four batches with the same rows: where in an epoch a training goes on is not what is tried here.
    rows = torch.randint(2, 99, (2, 6), generator=torch.Generator().manual_seed(1)).repeat(4, 1)
    quiet: dict[str, Any] = {name: False for name in ("logger", "enable_progress_bar", "enable_model_summary")}
    trainer = L.Trainer(
        accelerator="cpu",
        max_steps=steps,
        accumulate_grad_batches=every,
        callbacks=list(adapted.callbacks),
        enable_checkpointing=False,
        default_root_dir=folder,
        **quiet,
    )
    trainer.fit(Module(adapted.net), DataLoader(rows, batch_size=2), ckpt_path=state, weights_only=True)
    return adapted.net, trainer


def ranks(net: torch.nn.Module) -> list[int]:
    return [int((p != 0).sum()) for name, p in net.named_parameters() if "lora_E" in name]


@pytest.mark.parametrize("every", [1, 2])
def test_ranks_are_on_average_what_was_asked_for_in_the_end(tmp_path: Path, every: int) -> None:
    net, trainer = fit(tmp_path, 10, every=every)
    assert trainer.global_step == 10
    assert sum(ranks(net)) == 4 * 4
    assert 4 * 4 < sum(ranks(fit(tmp_path, 5, total=10, every=every)[0])) < 4 * 8


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_few_steps_are_enough(tmp_path: Path, steps: int) -> None:
    net, _ = fit(tmp_path, steps)
    assert sum(ranks(net)) == (4 * 8 if steps == 1 else 4 * 4)


@pytest.mark.parametrize("stop", [4, 8])
def test_a_resumed_training_ends_as_the_uninterrupted_one(tmp_path: Path, stop: int) -> None:
    whole, _ = fit(tmp_path, 10)
    _, trainer = fit(tmp_path, stop, total=10)
    trainer.save_checkpoint(tmp_path / "state.ckpt")
    again, _ = fit(tmp_path, 10, state=tmp_path / "state.ckpt")
    other = dict(again.named_parameters())
    assert all(torch.equal(other[name], value) for name, value in whole.named_parameters())


def test_the_penalty_keeps_factors_orthogonal(tmp_path: Path) -> None:
    def off(net: torch.nn.Module) -> float:
        found = [p.detach() for name, p in net.named_parameters() if "lora_A" in name]
        return sum(float((p @ p.T - torch.eye(len(p))).norm()) for p in found)

    assert off(fit(tmp_path, 12, orthogonality=0.5)[0]) < 0.95 * off(fit(tmp_path, 12, orthogonality=0.0)[0])


def test_the_hooks_are_gone_after_training(tmp_path: Path) -> None:
    _, trainer = fit(tmp_path, 2)
    assert not any(optimizer._optimizer_step_post_hooks for optimizer in trainer.optimizers)
