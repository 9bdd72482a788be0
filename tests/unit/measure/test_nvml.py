"""NVML through a stand-in for its package."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ftlab.measure.nvml import Gpu

CUDA = torch.device("cuda", 1)


class FakeNvml:
    """What of ``pynvml`` is used; ``failing`` names the calls that raise."""

    class NVMLError(Exception):
        pass

    def __init__(self, *failing: str) -> None:
        self.failing = failing

    def _call(self, name: str) -> None:
        if name in self.failing:
            raise self.NVMLError(name)

    def nvmlInit(self) -> None:
        self._call("nvmlInit")

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        self._call("nvmlDeviceGetHandleByUUID")
        return f"handle of {uuid}"

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> Any:
        self._call("nvmlDeviceGetUtilizationRates")
        assert handle == "handle of GPU-1234"
        return SimpleNamespace(gpu=37, memory=5)

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:
        self._call("nvmlDeviceGetTotalEnergyConsumption")
        return 2_500


def open_with(monkeypatch: pytest.MonkeyPatch, nvml: FakeNvml | None) -> Gpu | None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid="1234"))
    return Gpu.open(CUDA)


def test_gpu_is_found_by_its_uuid_and_read_in_our_units(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = open_with(monkeypatch, FakeNvml())
    assert gpu is not None
    assert gpu.utilisation() == 0.37
    assert gpu.joules() == 2.5


def test_no_package_no_counter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_with(monkeypatch, None) is None


@pytest.mark.parametrize("call", ["nvmlInit", "nvmlDeviceGetHandleByUUID"])
def test_no_driver_no_counter(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    assert open_with(monkeypatch, FakeNvml(call)) is None


def test_what_the_board_cannot_count_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = FakeNvml("nvmlDeviceGetUtilizationRates", "nvmlDeviceGetTotalEnergyConsumption")
    gpu = open_with(monkeypatch, failing)
    assert gpu is not None
    assert gpu.utilisation() is None
    assert gpu.joules() is None
