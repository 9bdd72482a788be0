"""What one training takes, before it begins: no weight is loaded and nothing is fetched."""

from __future__ import annotations

from ftlab.datasets.options import AUTO
from ftlab.measure.cost import training_usd
from ftlab.planning.artefact_size import artefact_sizes
from ftlab.planning.duration import train_seconds, train_steps
from ftlab.planning.largest_batch import MB, largest_batch
from ftlab.planning.memory import Memory, memory_of, network_of, planned_precision, rows_in_all, text_length
from ftlab.planning.optimizer import state_bytes
from ftlab.planning.remedies import find_remedy
from ftlab.planning.types import Estimate, PlanRequest, Range


def estimate(request: PlanRequest) -> Estimate:
    """Return what the training takes on its device.

    Raises:
        ConfigError: this machine lacks what ``trainer`` asks for.
        ModelError: model and adapter do not go together, or the architecture cannot be had.
    """
    network, precision = network_of(request), planned_precision(request)
    available = request.device.available_mb
    largest = largest_batch(request, available)
    asked = rows_in_all(request)
    rows = max(1, largest) if request.dataset.batch_size == AUTO else asked
    memory = memory_of(request, rows)
    fits = memory.peak <= available * MB
    length = text_length(request)
    notes = _notes(request, memory, fits, rows)
    steps = None if request.rows is None else train_steps(request, request.rows)
    tokens = None if steps is None else int(steps * asked * (request.mean_tokens or length))
    if request.rows is not None and tokens is not None and steps is not None:
        tokens = min(tokens, int(steps * asked * length))
    seconds = None
    if network.trainable and tokens is not None and steps is not None:
        seconds = train_seconds(request, network, memory, rows, length, tokens, steps)
    sizes = artefact_sizes(request, network, precision)
    computed = rows * length
    return Estimate(
        parameters=network.parameters,
        trainable_parameters=network.trainable,
        weights_mb=memory.weights / MB,
        gradients_mb=memory.gradients / MB,
        optimizer_mb=memory.optimizer / MB,
        activations_mb=memory.activations / MB,
        peak_mb=memory.peak / MB,
        artefact_mb=sizes.saved / MB,
        artefact_merged_mb=None if sizes.merged is None else sizes.merged / MB,
        artefact_adapter_mb=None if sizes.adapter is None else sizes.adapter / MB,
        flops_per_token=(memory.step.forward_flops + memory.step.backward_flops) / computed,
        forward_flops_per_token=memory.step.forward_flops / computed,
        train_tokens=tokens,
        seconds=seconds,
        usd=_usd(request, seconds),
        fits=fits,
        remedy=None if fits else find_remedy(request),
        micro_batch=rows,
        largest_micro_batch=largest,
        available_mb=available,
        notes=notes,
    )


def _usd(request: PlanRequest, seconds: Range | None) -> Range | None:
    if seconds is None:
        return None
    low, high = (training_usd(request.usd_per_hour, each) for each in seconds)
    return None if low is None or high is None else (low, high)


def _notes(request: PlanRequest, memory: Memory, fits: bool, rows: int) -> tuple[str, ...]:
    found = []
    _, assumed = state_bytes(request.optimizer, network_of(request).trained)
    if assumed is not None:
        found.append(assumed)
    if request.rows is not None and request.mean_tokens is None:
        found.append(f"tokens are rows x max_length, {text_length(request)} each, so time and price are at most these")
    if request.device.is_here and request.calibration is None:
        found.append("this machine was not calibrated, so there is neither time nor price")
    if request.model.attention == "flash":
        found.append("flash attention is estimated as sdpa, which keeps as much on a GPU")
    return tuple(found)
