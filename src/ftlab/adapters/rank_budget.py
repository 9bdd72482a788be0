"""What AdaLoRA does in each step of a training beside the optimizer's."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
from peft import AdaLoraModel
from torch import Tensor, nn
from torch.optim import Optimizer


class RankBudget(L.Callback):
    """Takes ranks away after each optimizer step, before anything is saved, and keeps the factors orthogonal.

    Its memory, how much each weight mattered so far, is part of a checkpoint: a resumed training takes away what the
    uninterrupted one would.
    """

    def __init__(self) -> None:
        self._tuner: Any = None  # an AdaLoraModel while it trains
        self._hooks: list[Any] = []
        self._loaded: dict[str, Any] = {}

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin to watch the optimizer's steps; the first has number 0, as in peft."""
        net: Any = pl_module.net
        self._tuner = net.base_model
        assert isinstance(self._tuner, AdaLoraModel), "the callback comes with the adapter"
        if self._loaded:
            self._put_back(self._loaded)
            self._loaded = {}

        def stepped(optimizer: Optimizer, args: Any, kwargs: Any) -> None:  # noqa: ANN401 - torch's
            self._update(trainer.global_step)  # which counts this step only when all of it is done

        self._hooks = [optimizer.register_step_post_hook(stepped) for optimizer in trainer.optimizers]

    def on_before_optimizer_step(self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: Optimizer) -> None:
        """Add the gradients of the penalty, which peft adds only to a loss that the network itself computes.

        Once per step, however many batches it is made of. Not by ``backward``: of several processes the gradients are
        exchanged by then, and all have the same penalty.
        """
        weight = self._config.orth_reg_weight
        factors = [p for name, p in self._tuner.named_parameters() if "lora_A." in name or "lora_B." in name]
        if not weight:
            return
        with torch.enable_grad():
            penalty = torch.stack([_off_orthogonal(p) for p in factors]).mean()
        for parameter, gradient in zip(factors, torch.autograd.grad(weight * penalty, factors), strict=True):
            parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Let the optimizer go."""
        self._release()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Let the optimizer go."""
        self._release()

    def state_dict(self) -> dict[str, Any]:
        """Return what was learned of the weights so far; empty before training."""
        if self._tuner is None:
            return self._loaded
        ranks = self._tuner.rankallocator
        kept = {
            "importance": {name: value.clone() for name, value in ranks.exp_avg_ipt.items()},
            "uncertainty": {name: value.clone() for name, value in ranks.exp_avg_unc.items()},
        }
        return {**kept, "ranks": dict(self._config.rank_pattern or {})}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep the state for when training begins."""
        self._loaded = state_dict

    @property
    def _config(self) -> Any:  # noqa: ANN401 - options of peft
        return self._tuner.peft_config[self._tuner.trainable_adapter_name]

    def _update(self, step: int) -> None:
        for name, parameter in self._tuner.model.named_parameters():
            if "lora_" in name and parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)  # what no output depends on does not matter
        self._tuner.update_and_allocate(step)

    def _put_back(self, state: dict[str, Any]) -> None:
        ranks = self._tuner.rankallocator
        places = {name: p.device for name, p in self._tuner.model.named_parameters()}
        ranks.exp_avg_ipt = {name: value.to(places[name]) for name, value in state["importance"].items()}
        ranks.exp_avg_unc = {name: value.to(places[name]) for name, value in state["uncertainty"].items()}
        # Computed anew in each step; peft takes its presence as a sign that the others are there.
        ranks.ipt = {name: torch.zeros_like(value) for name, value in ranks.exp_avg_ipt.items()}
        self._config.rank_pattern = state["ranks"] or None

    def _release(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks = []


def _off_orthogonal(factor: nn.Parameter) -> Tensor:
    """Return how far the rows, or columns, are from orthonormal: those of the smaller side, which is the rank."""
    rows = factor if factor.shape[0] <= factor.shape[1] else factor.T
    product = rows @ rows.T
    off: Tensor = torch.linalg.matrix_norm(product - torch.eye(len(rows), dtype=rows.dtype, device=rows.device))
    return off
