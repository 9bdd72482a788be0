"""The largest memory of a training step, for any number of rows; what was simulated is remembered."""

from __future__ import annotations

import dataclasses
import functools
import json
from dataclasses import dataclass, field

from ftlab.datasets.options import step_rows
from ftlab.modules.precision import pick_precision, training_device
from ftlab.planning.losses import classification_loss, writing_loss
from ftlab.planning.network import Network, build_network
from ftlab.planning.optimizer import state_bytes, step_bytes
from ftlab.planning.simulate import Setting, Simulation, simulate
from ftlab.planning.types import BuildAdapter, DeviceSheet, Node, PlanRequest
from ftlab.processes.devices import SHARDED, named_devices
from ftlab.schema import ModelConfig

_HELD = 64  # networks and steps that are remembered


@dataclass(frozen=True)
class _NetKey:
    """What decides a network; ``told`` is all of it as text."""

    told: str
    model: ModelConfig = field(compare=False)
    adapter: Node = field(compare=False)
    build: BuildAdapter = field(compare=False)
    task: str
    labels: int
    precision: str


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of a training step."""

    weights: float
    gradients: float
    optimizer: float
    peak: float
    step: Simulation

    @property
    def activations(self) -> float:
        """What is left of the peak."""
        return max(0.0, self.peak - self.weights - self.gradients - self.optimizer)


def planned_precision(request: PlanRequest) -> str:
    """Return Lightning's name of the precision to train in: ``auto`` is what it would be on the device.

    Raises:
        ConfigError: this machine's device does not have the one that is asked for.
    """
    asked, device = request.trainer.get("precision", "auto"), request.device
    if device.is_here or asked != "auto":
        kind = training_device("cpu" if device.kind == "cpu" or not device.is_here else device.kind)
        if asked == "16-mixed" and not device.is_here:
            return "16-mixed"
        return pick_precision(asked, kind)
    if device.kind != "cuda":
        return "32-true"
    return "bf16-mixed" if "bf16" in device.tflops else "16-mixed"


def rows_in_all(request: PlanRequest) -> int:
    """Return the rows of a step on one device."""
    return max(1, -(-step_rows(request.dataset) // _devices(request)))


def text_length(request: PlanRequest) -> int:
    """Return the tokens of the longest row."""
    return request.dataset.max_length + request.extra_tokens


def network_of(request: PlanRequest) -> Network:
    """Return the network of the cell.

    Raises:
        ModelError: model and adapter do not go together.
    """
    return _network(_key(request))


def memory_of(request: PlanRequest, rows: int) -> Memory:
    """Return what a step takes that computes ``rows`` rows at a time.

    Raises:
        ModelError: model and adapter do not go together.
    """
    network, precision = network_of(request), planned_precision(request)
    trainer = request.trainer
    sharded = trainer.get("strategy") == SHARDED
    alone = not (trainer.get("optimizer_in_backward") or sharded)
    # Gradients of earlier parts of a step stay while the next one is computed.
    parts = -(-rows_in_all(request) // rows) * int(trainer.get("accumulate_grad_batches") or 1)
    setting = Setting(
        request.device.kind,
        precision,
        accumulates=parts > 1,
        steps_in_backward=bool(trainer.get("optimizer_in_backward")),
        offloads=bool(trainer.get("activation_offload")) and request.device.kind == "cuda",
    )
    step = _step(_key(request), rows, text_length(request), setting)
    gradients = (
        network.gradient_bytes if alone or sharded else float(max((p.nbytes for p, _ in network.trained), default=0))
    )
    optimizer, _ = state_bytes(request.optimizer, network.trained)
    weights = network.weight_bytes
    shares = _devices(request) if sharded else 1
    buckets = network.gradient_bytes if _devices(request) > 1 and not sharded else 0.0
    on_top = step_bytes(request.optimizer, network.trained, request.device.kind, precision)
    earlier = gradients if setting.accumulates else 0.0
    peak = max(step.peak_bytes + earlier, gradients + on_top)
    saved = (1 - 1 / shares) * (weights + optimizer + gradients)
    total = max(weights + optimizer + peak + buckets - saved, 0.0)
    return Memory(weights / shares, (gradients + buckets) / shares, optimizer / shares, total, step)


def static_bytes(request: PlanRequest) -> float:
    """Return what weights, gradients and optimizer state take, whatever the batch."""
    network = network_of(request)
    optimizer, _ = state_bytes(request.optimizer, network.trained)
    shares = _devices(request) if request.trainer.get("strategy") == SHARDED else 1
    gradients = 0.0 if request.trainer.get("optimizer_in_backward") else network.gradient_bytes
    return (network.weight_bytes + optimizer + gradients) / shares


def on_device(request: PlanRequest, device: DeviceSheet) -> PlanRequest:
    """Return the same cell on another device."""
    return dataclasses.replace(request, device=device, calibration=None)


def _devices(request: PlanRequest) -> int:
    strategy = str(request.trainer.get("strategy") or "auto")
    if strategy == "auto":
        return 1
    return named_devices(request.trainer.get("devices", 1)) or 1


def _key(request: PlanRequest) -> _NetKey:
    model = dataclasses.asdict(request.model)
    told = json.dumps([model, _plain(request.adapter)], sort_keys=True, default=str)
    precision = planned_precision(request)
    return _NetKey(told, request.model, request.adapter, request.build, request.task, request.labels, precision)


def _plain(node: Node) -> dict[str, object]:
    return {k: v for k, v in node.items() if k not in ("learning_rate", "merge")}


@functools.lru_cache(maxsize=_HELD)
def _network(key: _NetKey) -> Network:
    return build_network(key.model, key.adapter, key.task, key.labels, key.precision, key.build)


@functools.lru_cache(maxsize=_HELD)
def _step(key: _NetKey, rows: int, length: int, setting: Setting) -> Simulation:
    network = _network(key)
    if key.task == "classification":
        loss = classification_loss(network.net, rows, length)
    else:
        loss = writing_loss(network.net, rows, length, setting.kind, setting.precision, key.task == "prompted")
    return simulate(network.net, loss, network.stack, setting)
