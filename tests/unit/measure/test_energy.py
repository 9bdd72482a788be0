"""Counters with wrap-around, the estimate on scripted clocks, and nothing where nothing is known."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ftlab.measure import energy, nvml
from ftlab.measure.energy import EnergyMeter

CPU = torch.device("cpu")
CUDA = torch.device("cuda", 0)


class Counters:
    """A powercap folder as Linux lays it out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def zone(self, path: str, name: str, microjoules: int, wraps_at: int = 1_000_000_000) -> None:
        zone = self.folder / path
        zone.mkdir(parents=True)
        (zone / "name").write_text(f"{name}\n")
        (zone / "max_energy_range_uj").write_text(f"{wraps_at}\n")
        self.set(path, microjoules)

    def set(self, path: str, microjoules: int) -> None:
        (self.folder / path / "energy_uj").write_text(f"{microjoules}\n")


@pytest.fixture
def counters(tmp_path: Path) -> Counters:
    return Counters(tmp_path / "powercap")


class Clocks:
    wall = busy = 0.0


def estimating(tmp_path: Path, vcpus: int = 2) -> tuple[EnergyMeter, Clocks]:
    clocks = Clocks()
    meter = EnergyMeter(
        CPU, powercap=tmp_path / "none", vcpus=vcpus, wall=lambda: clocks.wall, busy=lambda: clocks.busy
    )
    return meter, clocks


def test_counter_of_the_packages_is_read_in_watt_hours(counters: Counters) -> None:
    counters.zone("intel-rapl:0", "package-0", 5_000_000)
    counters.zone("intel-rapl:1", "package-1", 0)
    meter = EnergyMeter(CPU, powercap=counters.folder)
    meter.start()
    counters.set("intel-rapl:0", 5_000_000 + 1_800_000_000)
    counters.set("intel-rapl:1", 1_800_000_000)
    assert meter.stop() == (1.0, "counter", "CPU packages and their memory, all programs of the machine (RAPL)")


def test_counter_that_wrapped_around_still_counts_up(counters: Counters) -> None:
    counters.zone("intel-rapl:0", "package-0", 900_000_000, wraps_at=1_000_000_000)
    meter = EnergyMeter(CPU, powercap=counters.folder)
    meter.start()
    counters.set("intel-rapl:0", 260_000_000)  # 100 to the end, 260 after it
    assert meter.stop().wh == pytest.approx(360 / 3600, rel=1e-15)


def test_samples_in_between_catch_every_wrap(counters: Counters) -> None:
    counters.zone("intel-rapl:0", "package-0", 0, wraps_at=100)
    meter = EnergyMeter(CPU, powercap=counters.folder)
    meter.start()
    for value in (90, 80, 70, 60):  # 90, then 90 more each
        counters.set("intel-rapl:0", value)
        meter.sample()
    assert meter.stop().wh == pytest.approx(360e-6 / 3600, rel=1e-12)


def test_memory_is_added_but_what_is_part_of_a_package_is_not(counters: Counters) -> None:
    for path, name in [("a", "package-0"), ("b", "dram"), ("c", "core"), ("d", "uncore"), ("e", "psys")]:
        counters.zone(path, name, 0)
    meter = EnergyMeter(CPU, powercap=counters.folder)
    meter.start()
    for path in "abcde":
        counters.set(path, 18_000_000)
    assert meter.stop().wh == pytest.approx(36 / 3600, rel=1e-15)


def test_zones_without_a_package_are_no_counter(counters: Counters) -> None:
    counters.zone("a", "psys", 0)
    meter = EnergyMeter(CPU, powercap=counters.folder, vcpus=1)
    meter.start()
    assert meter.stop().method == "estimate"


def test_counters_we_may_not_read_lead_to_the_estimate(counters: Counters, monkeypatch: pytest.MonkeyPatch) -> None:
    counters.zone("intel-rapl:0", "package-0", 0)
    read = Path.read_text

    def refuse(path: Path, *args: Any, **kwargs: Any) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return read(path, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", refuse)
    meter = EnergyMeter(CPU, powercap=counters.folder, vcpus=1)
    meter.start()
    assert meter.stop().method == "estimate"


def test_idle_process_is_estimated_at_the_idle_watts_of_its_vcpus(tmp_path: Path) -> None:
    meter, clocks = estimating(tmp_path, vcpus=2)
    meter.start()
    clocks.wall = 3600.0
    assert meter.stop().wh == pytest.approx(2 * 0.74, rel=1e-12)


def test_busy_process_is_estimated_at_the_full_watts_of_its_vcpus(tmp_path: Path) -> None:
    meter, clocks = estimating(tmp_path, vcpus=2)
    clocks.wall, clocks.busy = 100.0, 7.0
    meter.start()
    clocks.wall, clocks.busy = 3700.0, 7207.0
    assert meter.stop().wh == pytest.approx(2 * 3.5, rel=1e-12)


def test_estimate_says_what_it_is_and_what_it_leaves_out(tmp_path: Path) -> None:
    meter, clocks = estimating(tmp_path, vcpus=3)
    meter.start()
    clocks.wall = 1.0
    _, method, scope = meter.stop()
    assert method == "estimate"
    assert scope is not None
    assert "3 vCPU x 0.74 W idle to 3.5 W full" in scope
    assert "Cloud Carbon Footprint" in scope
    assert "no memory, disk, network or cooling" in scope


def test_start_begins_anew(tmp_path: Path) -> None:
    meter, clocks = estimating(tmp_path, vcpus=1)
    meter.start()
    clocks.wall = 1800.0
    meter.start()
    clocks.wall = 5400.0
    assert meter.stop().wh == pytest.approx(0.74, rel=1e-12)


def test_nothing_used_is_unknown_not_zero(counters: Counters) -> None:
    counters.zone("intel-rapl:0", "package-0", 7)
    meter = EnergyMeter(CPU, powercap=counters.folder)
    meter.start()
    assert meter.stop() == (None, "none", None)


def test_device_without_a_counter_is_unknown(tmp_path: Path) -> None:
    meter = EnergyMeter(torch.device("mps"), powercap=tmp_path)
    meter.start()
    meter.sample()
    assert meter.stop() == (None, "none", None)


class FakeGpu:
    def __init__(self, *joules: float | None) -> None:
        self._joules = list(joules)

    def joules(self) -> float | None:
        return self._joules.pop(0) if len(self._joules) > 1 else self._joules[0]


def use_gpu(monkeypatch: pytest.MonkeyPatch, gpu: FakeGpu | None) -> None:
    monkeypatch.setattr(energy, "Gpu", SimpleNamespace(open=lambda device: gpu))


def test_gpu_counter_is_read_and_names_its_scope(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_gpu(monkeypatch, FakeGpu(0.0, 100.0, 7300.0))
    meter = EnergyMeter(CUDA, powercap=tmp_path)
    meter.start()
    assert meter.stop() == (2.0, "counter", "GPU board (NVML)")


def test_gpu_and_packages_are_added_where_both_count(monkeypatch: pytest.MonkeyPatch, counters: Counters) -> None:
    counters.zone("intel-rapl:0", "package-0", 0, wraps_at=10**12)
    use_gpu(monkeypatch, FakeGpu(0.0, 0.0, 3600.0))
    meter = EnergyMeter(CUDA, powercap=counters.folder)
    meter.start()
    counters.set("intel-rapl:0", 3_600_000_000)
    wh, method, scope = meter.stop()
    assert (wh, method) == (2.0, "counter")
    assert scope is not None
    assert scope.startswith("GPU board (NVML) + CPU packages")


@pytest.mark.parametrize("gpu", [None, FakeGpu(None)])
def test_gpu_without_a_counter_is_never_passed_off_as_its_cpu(
    monkeypatch: pytest.MonkeyPatch, counters: Counters, gpu: FakeGpu | None
) -> None:
    counters.zone("intel-rapl:0", "package-0", 0)
    use_gpu(monkeypatch, gpu)
    meter = EnergyMeter(CUDA, powercap=counters.folder)
    meter.start()
    counters.set("intel-rapl:0", 100)
    assert meter.stop() == (None, "none", None)


def test_gpus_that_train_together_are_added_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    boards = {0: FakeGpu(0.0, 10.0, 3610.0), 1: FakeGpu(0.0, 20.0, 7220.0)}
    monkeypatch.setattr(energy, "Gpu", SimpleNamespace(open=lambda device: boards[device.index]))
    meter = EnergyMeter([torch.device("cuda", 0), torch.device("cuda", 1)], powercap=tmp_path)
    meter.start()
    assert meter.stop() == (3.0, "counter", "2 GPU boards (NVML)")


def test_one_gpu_of_two_does_not_pass_for_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    boards = {0: FakeGpu(0.0, 10.0, 3610.0), 1: None}
    monkeypatch.setattr(energy, "Gpu", SimpleNamespace(open=lambda device: boards[device.index]))
    meter = EnergyMeter([torch.device("cuda", 0), torch.device("cuda", 1)], powercap=tmp_path)
    meter.start()
    assert meter.stop() == (None, "none", None)


def test_a_counter_that_is_lost_leaves_the_energy_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_gpu(monkeypatch, FakeGpu(0.0, 100.0, None))
    meter = EnergyMeter(CUDA, powercap=tmp_path)
    meter.start()
    meter.sample()
    assert meter.stop() == (None, "none", None)


def test_the_estimate_counts_every_process_that_trains(tmp_path: Path) -> None:
    clocks = Clocks()
    given = {"powercap": tmp_path, "vcpus": 2, "wall": lambda: clocks.wall, "busy": lambda: clocks.busy}
    one, two = EnergyMeter(CPU, **given), EnergyMeter([CPU, CPU], **given)
    for meter in (one, two):
        meter.start()
    clocks.wall = clocks.busy = 3600.0
    idle, more = 2 * energy.IDLE_WATTS_PER_VCPU, energy.FULL_WATTS_PER_VCPU - energy.IDLE_WATTS_PER_VCPU
    assert one.stop().wh == pytest.approx(idle + more)
    assert two.stop().wh == pytest.approx(idle + 2 * more)
    assert "2 that train together" in str(two.stop().scope)


def test_a_cpu_has_no_gpu_counter() -> None:
    assert nvml.Gpu.open(CPU) is None
