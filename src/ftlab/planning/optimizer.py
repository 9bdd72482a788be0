"""What optimizers keep: bytes of state for each trained parameter, and what a step takes on top."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from ftlab.planning.types import Node

Trained = Iterable[tuple[Tensor, int]]  # a parameter, and how often one like it stands there
# Moments as large as the parameter, by the last part of the target's name.
_MOMENTS = {
    **dict.fromkeys(("Adam", "AdamW", "NAdam", "RAdam", "Adamax", "Adadelta", "Rprop", "SparseAdam", "LAMB"), 2),
    **dict.fromkeys(("Adagrad", "RMSprop", "Lion", "Muon", "ASGD", "LARS"), 1),
    "AdEMAMix": 3,
}
_FUSED = ("Adam", "AdamW", "SGD", "Adagrad")  # one pass, nothing on top
_BLOCK = 256  # numbers that share a scale in 8-bit states


def state_bytes(optimizer: Node, trained: Trained) -> tuple[float, str | None]:
    """Return the bytes of the optimizer's state, and what was assumed.

    Args:
        optimizer: node of the configuration.
        trained: what trains.
    """
    name, total = _name(optimizer), 0.0
    is_bnb = str(optimizer.get("_target_", "")).startswith("bitsandbytes.")
    bits8 = is_bnb and name.endswith("8bit")
    plain = name.removesuffix("8bit").removesuffix("32bit").removeprefix("Paged")
    moments = _moments(plain, optimizer)
    for parameter, times in trained:
        if plain == "Adafactor":
            own = _factored(parameter)
        elif bits8 and parameter.numel() >= int(optimizer.get("min_8bit_size", 4096)):
            own = (moments or 2) * parameter.numel() * (1 + 4 / _BLOCK)
        elif is_bnb:
            own = (moments or 2) * parameter.numel() * 4
        else:
            own = float((2 if moments is None else moments) * parameter.nbytes)
        total += own * times
    known = moments is not None or plain == "Adafactor"
    return total, None if known else f"optimizer {name}: its state is taken to be two moments, as AdamW's"


def step_bytes(optimizer: Node, trained: Trained, kind: str, precision: str) -> float:
    """Return the bytes that a step takes for the time being.

    Args:
        optimizer: node of the configuration.
        trained: what trains.
        kind: of the device.
        precision: Lightning's name; with a gradient scaler no step is fused.
    """
    target, sizes = str(optimizer.get("_target_", "")), [(p.nbytes, times) for p, times in trained]
    if not sizes or target.startswith("bitsandbytes."):
        return 0.0
    if _name(optimizer) in _FUSED and precision != "16-mixed":
        return 0.0
    if kind == "cuda":  # all parameters at once
        return float(sum(size * times for size, times in sizes))
    return 3.0 * max(size for size, _ in sizes)


def _moments(name: str, optimizer: Node) -> int | None:
    if name == "SGD":
        return 1 if optimizer.get("momentum") else 0
    extra = int(bool(optimizer.get("amsgrad"))) + int(bool(optimizer.get("centered")))
    extra += int(name == "RMSprop" and bool(optimizer.get("momentum")))
    return _MOMENTS[name] + extra if name in _MOMENTS else None


def _factored(parameter: Tensor) -> float:
    """Rows and columns of a matrix; of a vector all of it."""
    if parameter.ndim < 2:
        return float(parameter.nbytes)
    size = parameter.element_size()
    return float(parameter.numel() // parameter.shape[-1] + parameter.numel() // parameter.shape[-2]) * size


def _name(optimizer: Node) -> str:
    return str(optimizer.get("_target_", "")).rpartition(".")[-1]
