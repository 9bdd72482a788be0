"""Which machine this is."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import torch

from ftlab.cores import usable_cpus
from ftlab.measure.cost import device_class
from ftlab.threads import current

_PACKAGES = ("torch", "transformers", "peft", "lightning")


def device_name(device: torch.device) -> str:
    """Return what the maker calls ``device``: ``NVIDIA A10G``, ``cpu``, ``mps``."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def synchronizer(device: torch.device) -> Callable[[], None] | None:
    """Return what waits for the work queued on ``device``; None where calls return when done."""
    if device.type == "cuda":
        return lambda: torch.cuda.synchronize(device)
    return torch.mps.synchronize if device.type == "mps" else None


def environment(device: torch.device, trained_on: str | None = None) -> dict[str, str | int | None]:
    """Return the section ``environment`` of ``result.json``. None: not installed, or not there.

    Args:
        device: of inference.
        trained_on: kind of device that trained: cuda, mps or cpu; None: that of ``device``.
    """
    gpu = device_name(device) if device.type == "cuda" else None
    threads = current()
    return {
        "python": platform.python_version(),
        **{package: _version(package) for package in _PACKAGES},
        "platform": platform.platform(),
        "device": device_name(device),
        "device_class": device_class(device_name(device)),
        "cpu": cpu_model(),
        "cores": usable_cpus(),
        "gpu": gpu,
        "trained_on": trained_on or device.type,
        "threads": torch.get_num_threads(),
        "thread_source": None if threads is None else threads.source,
    }


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the processor's name, or its architecture where the system does not tell."""
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
