"""Which device and which precision ``auto`` means on this machine, and whether the named ones are there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import torch

from ftlab.errors import ConfigError

# Lightning's short names for its long ones.
_LONG = {"16": "16-mixed", "bf16": "bf16-mixed", "32": "32-true", "64": "64-true", "None": "32-true"}
_WORDS = {"cuda": "CUDA GPU", "mps": "Apple GPU"}


def pick_accelerator(accelerator: str | None) -> str:
    """Return ``cuda``, ``mps`` or ``cpu`` for Lightning's accelerator name.

    Raises:
        ConfigError: it is not on this machine.
    """
    if accelerator in (None, "auto", "gpu"):
        found = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        if found == "cpu" and accelerator == "gpu":
            raise ConfigError(f"trainer.accelerator=gpu finds no GPU that {_build()} can use; write trainer=cpu")
        return found
    assert accelerator is not None, "named"
    if not _is_there(accelerator):
        raise ConfigError(
            f"trainer.accelerator={accelerator} finds no {_WORDS[accelerator]} that {_build()} can use; "
            "write trainer=cpu"
        )
    return accelerator


def training_device(accelerator: str, devices: object = 1) -> torch.device:
    """Return the device on which this process trains.

    Args:
        accelerator: cuda, mps or cpu.
        devices: Lightning's option: how many, or the numbers of GPUs as a list or as ``"1,2"``.

    Raises:
        ConfigError: there are fewer GPUs.
    """
    if accelerator != "cuda":
        return torch.device(accelerator)
    rank = int(os.environ.get("LOCAL_RANK", "0"))
    text = devices.strip().strip("[]") if isinstance(devices, str) else None
    if text is not None and "," in text:
        devices = [int(part) for part in text.split(",") if part.strip()]
    numbers = list(devices) if isinstance(devices, Sequence) and not isinstance(devices, str) else None
    index = int(numbers[rank % len(numbers)]) if numbers else rank
    there = torch.cuda.device_count()
    asked = max(int(n) for n in numbers) + 1 if numbers else int(str(devices)) if str(devices).isdigit() else 1
    if max(asked, index + 1) > there:
        raise ConfigError(
            f"trainer.devices={_typed(devices)} is beyond the {_count(there)} of this machine; write trainer.devices=1"
        )
    return torch.device("cuda", index)


def inference_device(device: str, trained_on: torch.device | None = None) -> torch.device:
    """Return the device of inference: ``device``, or where that is ``auto``, the one that trained.

    Args:
        device: auto, cpu, cuda, cuda:1, mps.
        trained_on: None: nothing was trained here; ``auto`` is then the best there is.

    Raises:
        ConfigError: it is not on this machine.
    """
    if device == "auto":
        return trained_on or training_device(pick_accelerator("auto"))
    kind, _, number = device.partition(":")
    if not _is_there(kind):
        raise ConfigError(f"device={device} finds no {_WORDS[kind]} that {_build()} can use; write device=cpu")
    if kind != "cuda":
        return torch.device(kind)
    if trained_on is not None and trained_on.type == "cuda" and not number:
        return trained_on
    there = torch.cuda.device_count()
    if int(number or 0) >= there:
        raise ConfigError(f"device={device} is beyond the {_count(there)} of this machine; write device=cuda:0")
    return torch.device("cuda", int(number or 0))


def pick_precision(precision: str | int | None, device: torch.device) -> str:
    """Return Lightning's precision name for ``auto``; any other by its long name.

    bf16-mixed where the hardware computes in bfloat16 itself (emulation is slower than fp32), else 16-mixed on CUDA,
    else 32-true.

    Raises:
        ConfigError: the device does not have it.
    """
    if precision != "auto":
        name = _LONG.get(str(precision), str(precision))
        if name == "16-mixed" and device.type == "cpu":
            raise ConfigError(
                f"trainer.precision={precision} needs a GPU, and this run is on the CPU; "
                "write trainer.precision=bf16-mixed"
            )
        if name == "64-true" and device.type == "mps":
            raise ConfigError(
                f"trainer.precision={precision} is not possible on Apple GPUs; write trainer.precision=32-true"
            )
        return name
    if device.type == "cuda":
        return "bf16-mixed" if _gpu_has_bf16(device) else "16-mixed"
    return "bf16-mixed" if device.type == "cpu" and _cpu_has_bf16() else "32-true"


def inference_precision(precision: str, trained_on: str, device: torch.device) -> str:
    """Return the precision to infer in: that of the training on the same kind of device, else 32-true.

    Args:
        precision: of the training.
        trained_on: cuda, mps or cpu.
        device: of inference.
    """
    return precision if device.type == trained_on else "32-true"


def trained_on(environment: Mapping[str, object]) -> str:
    """Return the kind of device that trained a run, cuda, mps or cpu, from ``environment`` of its record."""
    kind = environment.get("trained_on")  # runs before this key trained where they were timed
    return str(kind or ("cuda" if environment.get("gpu") else environment.get("device")))


def _gpu_has_bf16(device: torch.device) -> bool:
    # torch.cuda.is_bf16_supported asks the same, but of the current device, which need not be the one that trains.
    return bool(torch.version.hip) or torch.cuda.get_device_properties(device).major >= 8


def _cpu_has_bf16() -> bool:
    # The only place where torch says it; both are False on a CPU that would emulate.
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _is_there(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_available()
    return torch.backends.mps.is_available() if kind == "mps" else True


def _build() -> str:
    return f"torch {torch.__version__}"


def _count(gpus: int) -> str:
    return "1 GPU" if gpus == 1 else f"{gpus} GPUs"


def _typed(devices: object) -> str:
    return str(devices).replace(" ", "")
