"""Rules about what saves memory: rows at a time, updates in the backward pass, activations kept by the host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ftlab.check.components import typed
from ftlab.check.composed import Composed
from ftlab.datasets.options import AUTO
from ftlab.processes.devices import SHARDED, STRATEGIES


def memory(c: Composed) -> Iterable[str]:
    """Yield switches that do not go with each other, or with the device that is named."""
    trainer, dataset = c.values["trainer"], c.values["dataset"]
    is_auto = dataset["batch_size"] == AUTO
    if is_auto and trainer.get("strategy") == SHARDED:
        yield (
            "dataset.batch_size=auto is not possible with fsdp, which gathers weights for whole batches; write "
            f"dataset.batch_size={dataset['effective_batch_size']}"
        )
    if not is_auto and "dataset.effective_batch_size" in c.given:
        rows = dataset["effective_batch_size"]
        yield (
            f"dataset.effective_batch_size={typed(rows)} is read with dataset.batch_size=auto only, and "
            f"dataset.batch_size={typed(dataset['batch_size'])} is a number; write dataset.batch_size={typed(rows)}"
        )
    yield from not_in_backward(trainer, is_auto)
    yield from not_offloaded(trainer, str(trainer.get("accelerator")))


def not_in_backward(trainer: Mapping[str, Any], is_auto: bool, processes: int = 1) -> Iterable[str]:
    """Yield what ``trainer.optimizer_in_backward`` cannot do: it updates before gradients could be clipped or added up.

    Args:
        trainer: the node of the configuration.
        is_auto: whether ``dataset.batch_size`` is auto.
        processes: that train together.
    """
    if trainer.get("optimizer_in_backward") is not True:
        return
    said = "trainer.optimizer_in_backward=true updates each parameter as soon as its gradient is there, "
    if trainer.get("gradient_clip_val"):
        yield f"{said}before all gradients could be clipped; write trainer.gradient_clip_val=null"
    if (trainer.get("accumulate_grad_batches") or 1) != 1:
        yield f"{said}so no batches are accumulated; write trainer.accumulate_grad_batches=1"
    if is_auto:
        yield f"{said}so a batch is not done in parts; write dataset.batch_size=<number>"
    if str(trainer.get("precision")) in ("16-mixed", "16"):
        yield f"{said}and trainer.precision=16-mixed scales all gradients first; write trainer.precision=bf16-mixed"
    if trainer.get("strategy") in STRATEGIES or processes > 1:
        yield f"{said}before processes could exchange it; write trainer.devices=1 trainer.strategy=auto"


def not_offloaded(trainer: Mapping[str, Any], accelerator: str) -> Iterable[str]:
    """Yield that ``trainer.activation_offload`` saves nothing on ``accelerator``: cpu and mps share the memory."""
    if trainer.get("activation_offload") is True and accelerator in ("cpu", "mps"):
        yield (
            "trainer.activation_offload=true moves activations from a GPU to the memory of the CPU, where this run "
            "keeps them anyway; write model.gradient_checkpointing=true"
        )
