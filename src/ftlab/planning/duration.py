"""How long a training takes: by this machine's calibration, or as a range from a data sheet."""

from __future__ import annotations

import math

from ftlab.planning.memory import Memory, planned_precision, rows_in_all
from ftlab.planning.network import Network
from ftlab.planning.types import PlanRequest, Range

_REACHED = (0.5, 0.2)  # share of the peak that trainings reach: fast, slow
_LAUNCH = (6e-6, 20e-6)  # seconds of an operation on a GPU that has nothing to wait for
_LOOP = 3e-3  # seconds of a step that Lightning's loop and its callbacks take
_AROUND = (0.85, 1.6)  # of the time by calibration
_TRAFFIC = 3.0  # times that activations are written and read


def train_steps(request: PlanRequest, rows: int) -> float:
    """Return the micro-steps of the training: batches, before they are accumulated.

    Args:
        request: the cell.
        rows: of the training split.
    """
    trainer = request.trainer
    batches = math.ceil(rows / rows_in_all(request))
    limit = trainer.get("limit_train_batches")
    if isinstance(limit, int) and not isinstance(limit, bool):
        batches = min(batches, limit)
    elif isinstance(limit, float):
        batches = max(1, int(batches * limit))
    epochs, most = trainer.get("max_epochs"), int(trainer.get("max_steps") or -1)
    total = math.inf if epochs is None or int(epochs) < 0 else float(batches * int(epochs))
    if most > 0:
        total = min(total, most * int(trainer.get("accumulate_grad_batches") or 1))
    return total if math.isfinite(total) else float(batches * 1000)  # Lightning's own limit


def train_seconds(
    request: PlanRequest, network: Network, memory: Memory, rows: int, length: int, tokens: int, steps: float
) -> Range | None:
    """Return how long the training steps take; scoring, loading and saving are not in it.

    Args:
        request: the cell.
        network: of it.
        memory: of a step.
        rows: computed at a time.
        length: of a row in tokens, as simulated.
        tokens: of the whole training.
        steps: of the whole training.
    """
    step = memory.step
    flops = (step.forward_flops + step.backward_flops) / (rows * length) * tokens
    passes = steps * math.ceil(rows_in_all(request) / rows)
    hidden = int(getattr(network.config, "hidden_size", 768))
    if request.device.is_here:
        known = request.calibration
        if known is None:
            return None
        seconds = steps * _LOOP + passes * step.operations * known.seconds_per_op + flops / known.speed(hidden)
        return seconds * _AROUND[0], seconds * _AROUND[1]
    return _from_sheet(request, memory, flops, passes, steps)


def _from_sheet(request: PlanRequest, memory: Memory, flops: float, passes: float, steps: float) -> Range | None:
    device = request.device
    peak = device.tflops.get(number_format(request)) or device.tflops.get("fp32")
    if peak is None:
        return None
    low, high = (
        max(flops / (peak * 1e12 * reached), passes * memory.step.operations * launch)
        for reached, launch in zip(_REACHED, _LAUNCH, strict=True)
    )
    if device.bandwidth_gb_s is not None:
        # Weights are read forward and backward; gradients, states and weights read and written by each step.
        moved = passes * (2 * memory.weights + _TRAFFIC * memory.activations)
        moved += steps * 2 * (2 * memory.gradients + memory.optimizer)
        floor = moved / (device.bandwidth_gb_s * 1e9)
        low, high = max(low, floor), max(high, floor)
    return low, high


def number_format(request: PlanRequest) -> str:
    """Return the format that products are computed in, as data sheets call it."""
    precision = planned_precision(request)
    return "bf16" if precision.startswith("bf16") else "fp16" if precision.startswith("16") else "fp32"
