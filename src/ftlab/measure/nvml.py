"""One NVIDIA GPU as its management library (NVML) sees it; needs the package ``nvidia-ml-py``."""

from __future__ import annotations

import importlib
from typing import Any

import torch


class Gpu:
    """Counters of one GPU. ``open`` gives None where there are none.

    Source: docs.nvidia.com/deploy/nvml-api, nvmlDeviceGetUtilizationRates and nvmlDeviceGetTotalEnergyConsumption.
    """

    def __init__(self, nvml: Any, handle: Any) -> None:  # noqa: ANN401 - pynvml has no types
        self._nvml, self._handle = nvml, handle

    @classmethod
    def open(cls, device: torch.device) -> Gpu | None:
        """Return the GPU behind ``device``; None without CUDA, without the package, or without its driver.

        The GPU is found by its UUID: CUDA_VISIBLE_DEVICES renumbers for CUDA, not for NVML.
        """
        if device.type != "cuda":
            return None
        try:
            nvml = importlib.import_module("pynvml")
        except ImportError:
            return None
        try:
            nvml.nvmlInit()
            uuid = torch.cuda.get_device_properties(device).uuid
            return cls(nvml, nvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}"))
        except nvml.NVMLError:
            return None

    def utilisation(self) -> float | None:
        """Return the share of the last sampling period (up to 1 s) in which a kernel ran, in [0, 1]; None: unknown."""
        try:
            return float(self._nvml.nvmlDeviceGetUtilizationRates(self._handle).gpu) / 100
        except self._nvml.NVMLError:
            return None

    def joules(self) -> float | None:
        """Return the energy of the whole board since the driver was loaded; None: older than Volta."""
        try:
            return float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)) / 1000
        except self._nvml.NVMLError:
            return None
