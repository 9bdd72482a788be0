"""``dataset.batch_size=auto``: how many rows are computed at a time, so that a step fits into the memory there is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import lightning as L
import torch
from torch import Tensor

from ftlab.build import build_adapter
from ftlab.datasets.options import step_rows
from ftlab.datasets.shares import Part
from ftlab.datasets.splits import Splits
from ftlab.errors import ModelError
from ftlab.measure.memory import MB, is_out_of_memory
from ftlab.modules.micro_batches import give_memory_back
from ftlab.modules.offload import offloaded
from ftlab.modules.trained import TrainedModule
from ftlab.planning.devices import find_device
from ftlab.planning.largest_batch import largest_batch
from ftlab.planning.types import PlanRequest
from ftlab.schema import TrainConfig
from ftlab.task import chosen_task
from ftlab.verbs.machine import Machine
from ftlab.verbs.material import Data, Material
from ftlab.verbs.tasks.task import Task

log = logging.getLogger(__name__)
_PROBED = 128  # a side of the matrix whose optimizer state is weighed: 8-bit optimizers keep smaller ones in 32 bits
Attempt = Callable[[int], bool]


def settle_rows(
    settings: TrainConfig,
    machine: Machine,
    data: Data,
    module: TrainedModule,
    trainer: L.Trainer,
    *,
    free_mb: float,
    plan: Callable[[float], int],
) -> str:
    """Set the rows that ``module`` computes at a time, and those of a batch that is scored; return what to say.

    On CUDA by trying: a forward and backward pass of the longest texts, the largest batch first. Elsewhere memory that
    is used up takes the process with it, so it is ``plan`` that says what fits.

    Args:
        settings: of the run.
        machine: where it trains.
        data: of the run.
        module: with the weights before training, which are left as they are.
        trainer: that will train; in its precision batches are tried.
        free_mb: memory that could be taken before the weights were loaded.
        plan: gives the largest number of rows that fit into some MB, weights and optimizer included.

    Raises:
        ModelError: not one row fits into a GPU.
    """
    most = _share(step_rows(settings.dataset), machine.part)
    if machine.trains_on.type == "cuda":
        rows = largest_that_fits(_attempt(settings, machine, data, module, trainer), most)
        if rows is None:
            raise ModelError(
                f"one text of up to {settings.dataset.max_length} tokens does not fit into the memory of "
                f"{machine.trains_on}; type model.gradient_checkpointing=true, adapter=lora or a smaller "
                "dataset.max_length"
            )
        why = "tried with the longest texts"
    else:
        rows = max(1, min(most, plan(free_mb / machine.part.processes)))
        why = f"{free_mb:,.0f} MB are free"
    module.micro_batches.rows, module.micro_batches.measured = rows, True
    if rows < most:
        data.score_at_most(2 * rows)  # without a backward pass only one layer's activations are there at a time
    parts = -(-most // rows)
    how = "at once" if parts == 1 else f"in {parts} parts of {rows} row{'s' * (rows > 1)} at most"
    return f"dataset.batch_size=auto: a step's {most} rows are done {how} ({why})"


def planned_rows(task: Task, machine: Machine, material: Material, available_mb: float) -> int:
    """Return the largest number of rows whose training is estimated to fit into ``available_mb``; 0: not one."""
    settings, splits = task.settings, material.splits
    request = PlanRequest(
        model=settings.model,
        adapter=settings.adapter,
        optimizer=settings.optimizer,
        trainer=settings.trainer,
        dataset=settings.dataset,
        task=chosen_task(settings.model, settings.dataset, settings.prompt),
        labels=len(splits.labels) if isinstance(splits, Splits) else 0,
        rows=None,
        device=find_device("cpu" if machine.trains_on.type == "cpu" else "auto"),
        calibration=None,  # what fits does not depend on time
        build=lambda node, net: build_adapter(node, net, None),
        extra_tokens=int(material.prompt_record.get("prompt_tokens") or 0),
    )
    return largest_batch(request, available_mb)


def largest_that_fits(attempt: Attempt, most: int) -> int | None:
    """Return the first of ``most``, its half, its quarter ... 1 that ``attempt`` finds to fit; None: none does."""
    rows = most
    while rows >= 1:
        if attempt(rows):
            return rows
        rows //= 2
    return None


def _share(rows: int, part: Part) -> int:
    return max(1, rows // part.processes)


def _attempt(settings: TrainConfig, machine: Machine, data: Data, module: TrainedModule, trainer: L.Trainer) -> Attempt:
    """Return what tries some rows on the GPU and leaves it, the weights and the random generators as they were."""
    device, plugin = machine.trains_on, trainer.precision_plugin

    def attempt(rows: int) -> bool:
        batch: Any = {name: value.to(device) for name, value in data.longest(rows).items()}
        modes = [(part, part.training) for part in module.modules()]
        saving = settings.trainer.get("activation_offload")
        try:
            plugin.convert_module(module).to(device)
            module.train()
            if saving:
                module.micro_batches.saving = lambda: offloaded(module.parameters())
            return fits(module, batch, plugin.train_step_context, state_bytes(module, device), device)
        finally:
            module.micro_batches.release()
            for part, mode in modes:
                part.training = mode
            module.cpu()
            give_memory_back(device)

    return attempt


def fits(
    module: TrainedModule, batch: dict[str, Tensor], context: Callable[[], Any], extra: int, device: torch.device
) -> bool:
    """Return whether a forward and backward pass of ``batch`` finds room beside ``extra`` bytes; no gradient stays."""
    devices = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices):
            kept = torch.empty(extra, dtype=torch.uint8, device=device)
            with context():
                found: Any = module.training_step(batch, 0)
            loss = found["loss"] if isinstance(found, dict) else found
            loss.backward()
            del kept
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        log.info("%d rows do not fit: %s", len(batch["input_ids"]), str(error).partition("\n")[0])
        return False
    finally:
        module.zero_grad(set_to_none=True)
        if hasattr(torch._C, "_cuda_clearCublasWorkspaces") and device.type == "cuda":
            torch._C._cuda_clearCublasWorkspaces()
    return True


def state_bytes(module: TrainedModule, device: torch.device) -> int:
    """Return the bytes that the optimizer will keep for the trained parameters: those for one small matrix, scaled."""
    matrix = torch.nn.Parameter(torch.zeros(_PROBED, _PROBED, device=device))
    optimizer = module.make_optimizer([{"params": [matrix]}])
    matrix.grad = torch.zeros_like(matrix)
    optimizer.step()
    held = [value for value in optimizer.state[matrix].values() if isinstance(value, Tensor) and value.numel() > 1]
    each = sum(value.numel() * value.element_size() for value in held) / matrix.numel()
    trained = sum(p.numel() for p in module.parameters() if p.requires_grad)
    log.info("the optimizer keeps %.1f MB", each * trained / MB)
    return int(each * trained)
