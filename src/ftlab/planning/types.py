"""What an estimate is asked, and what it says. Memory is in MB of 1e6 bytes throughout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted
from ftlab.schema import DatasetConfig, ModelConfig

Node = Mapping[str, Any]
# (adapter node, network on the meta device) -> the network with the adapter on; `build` stands to the right.
BuildAdapter = Callable[[Node, PreTrainedModel], Adapted]
Range = tuple[float, float]  # low, high


@dataclass(frozen=True, slots=True)
class DeviceSheet:
    """One device, from its data sheet or as found on this machine."""

    name: str  # h100_80gb, ..., or cpu
    kind: str  # cuda, mps, cpu: what decides how operations take memory
    memory_gb: float  # of 1e9 bytes
    reserved_gb: float  # not to be had for tensors: driver, libraries, fragments; shared memory: the system's
    tflops: Mapping[str, float]  # dense peak by number format: fp32, tf32, fp16, bf16, int8; those it has
    bandwidth_gb_s: float | None
    source: str
    date: str  # when the source was read
    price: str | None = None  # file in conf/cost
    is_here: bool = False  # this machine: time comes from the calibration

    @property
    def available_mb(self) -> float:
        """Memory that tensors can take."""
        return max(0.0, (self.memory_gb - self.reserved_gb) * 1e3)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How fast this machine trains: seconds of a step = operations x overhead + FLOPs / speed."""

    seconds_per_op: float  # of an operation on next to nothing
    flops_per_second: Mapping[int, float]  # reached by layers of this hidden size
    threads: int
    device: str = "cpu"

    def speed(self, hidden: int) -> float:
        """Return FLOPs per second of layers of width ``hidden``: between two that were timed, in proportion."""
        known = sorted(self.flops_per_second.items())
        below = [pair for pair in known if pair[0] <= hidden] or known[:1]
        above = [pair for pair in known if pair[0] >= hidden] or known[-1:]
        (low, slow), (high, fast) = below[-1], above[0]
        share = 0.0 if high == low else (hidden - low) / (high - low)
        return slow + share * (fast - slow)


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """One cell to estimate. The mappings are nodes of the configuration, resolved."""

    model: ModelConfig
    adapter: Node
    optimizer: Node
    trainer: Node
    dataset: DatasetConfig
    task: str  # classification, prompted, generation (`ftlab.task`)
    labels: int  # of a classification head; 0 for texts
    rows: int | None  # of the training split; None: not at hand, so neither time nor price
    device: DeviceSheet
    calibration: Calibration | None  # of this machine; None: no time for `device.is_here`
    build: BuildAdapter
    mean_tokens: float | None = None  # of a training text, cut at max_length; None: max_length is taken
    extra_tokens: int = 0  # of a prompt around each text (task prompted)
    usd_per_hour: float | None = None
    alternatives: Mapping[str, Node] = field(default_factory=dict)  # adapter nodes for the remedy, by name: lora, qlora
    next_devices: tuple[DeviceSheet, ...] = ()  # that the remedy may name


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one cell takes. ``peak_mb`` is what torch allocates at most in a training step; libraries are not in it."""

    parameters: int
    trainable_parameters: int
    weights_mb: float
    gradients_mb: float
    optimizer_mb: float
    activations_mb: float  # and workspaces: what is left of the peak
    peak_mb: float
    artefact_mb: float  # as adapter.merge asks for it
    artefact_merged_mb: float | None  # None: cannot be merged, or there is nothing to merge
    artefact_adapter_mb: float | None  # None: the artefact is the whole network
    flops_per_token: float  # forward and backward, per token of a full batch
    forward_flops_per_token: float
    train_tokens: int | None
    seconds: Range | None  # of training; None: unknown
    usd: Range | None
    fits: bool | None  # None: nothing is known of the device
    remedy: str | None  # smallest change that would make it fit, as one types it; None: it fits, or nothing would
    micro_batch: int  # rows at a time that these numbers are for
    largest_micro_batch: int  # that would fit, at most the effective batch; 0: not one row
    available_mb: float
    notes: tuple[str, ...] = ()  # what was assumed
