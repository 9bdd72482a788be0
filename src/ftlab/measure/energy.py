"""Electrical energy: counters where they can be read, else an estimate that says so, else nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import torch

from ftlab.measure.nvml import Gpu

POWERCAP = Path("/sys/class/powercap")
# Watts per vCPU of AWS servers, idle and fully used: cloudcarbonfootprint.org/docs/methodology, "Compute" (AWS averages
# over the processors in SPECpower). Their formula: vCPU hours x (idle + utilisation x (full - idle)).
IDLE_WATTS_PER_VCPU = 0.74
FULL_WATTS_PER_VCPU = 3.5


class EnergyReading(NamedTuple):
    """What was used between start and stop."""

    wh: float | None  # None: unknown; never 0
    method: str  # counter, estimate, none
    scope: str | None  # what the number covers


class Source(Protocol):
    """Something whose energy adds up."""

    method: str
    scope: str

    def read(self) -> float:
        """Return joules since some fixed moment."""


class Rapl:
    """Energy counters of the CPU packages and their memory, for the whole machine.

    They wrap around, on a busy server within minutes to hours: ``read`` must come more often than that. Since 2020
    most kernels let only root read them. Source: docs.kernel.org/power/powercap/powercap.html.
    """

    method = "counter"
    scope = "CPU packages and their memory, all programs of the machine (RAPL)"

    def __init__(self, zones: list[Path]) -> None:
        self._ranges = {zone: _microjoules(zone / "max_energy_range_uj") for zone in zones}
        self._last = {zone: _microjoules(zone / "energy_uj") for zone in zones}
        self._total = 0

    @classmethod
    def open(cls, powercap: Path) -> Rapl | None:
        """Return the counters below ``powercap``; None where there are none or they may not be read."""
        zones = [path.parent for path in sorted(powercap.glob("*/energy_uj"))]
        try:
            names = {zone: (zone / "name").read_text(encoding="ascii").strip() for zone in zones}
            # psys covers the packages once more; core and uncore are parts of a package, dram is not.
            chosen = [zone for zone, name in names.items() if name.startswith("package") or name == "dram"]
            return cls(chosen) if chosen else None
        except OSError:
            return None

    def read(self) -> float:
        """Return joules since the counters were opened."""
        for zone, before in self._last.items():
            now = _microjoules(zone / "energy_uj")
            self._total += now - before if now >= before else now + self._ranges[zone] - before
            self._last[zone] = now
        return self._total / 1e6


def _microjoules(path: Path) -> int:
    return int(path.read_text(encoding="ascii"))


class GpuCounter:
    """The energy counter of one NVIDIA GPU."""

    method = "counter"
    scope = "GPU board (NVML)"

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu

    @classmethod
    def open(cls, device: torch.device) -> GpuCounter | None:
        """Return the counter of ``device``; None where it cannot be read."""
        gpu = Gpu.open(device)
        return cls(gpu) if gpu is not None and gpu.joules() is not None else None

    def read(self) -> float:
        """Return joules since the driver was loaded."""
        joules = self._gpu.joules()
        assert joules is not None, "the counter was readable when opened"
        return joules


class CpuEstimate:
    """Watts per vCPU, from idle to full in proportion to the processor time of this process."""

    method = "estimate"

    def __init__(self, vcpus: int, wall: Callable[[], float], busy: Callable[[], float]) -> None:
        self._vcpus, self._wall, self._busy = vcpus, wall, busy
        self.scope = (
            f"CPU only: {vcpus} vCPU x {IDLE_WATTS_PER_VCPU} W idle to {FULL_WATTS_PER_VCPU} W full, by the processor "
            "time of this process (Cloud Carbon Footprint's averages for AWS); no memory, disk, network or cooling"
        )

    def read(self) -> float:
        """Return estimated joules on the two clocks: all vCPUs idle all the time, and more for each busy second."""
        idle = self._vcpus * self._wall() * IDLE_WATTS_PER_VCPU
        return idle + self._busy() * (FULL_WATTS_PER_VCPU - IDLE_WATTS_PER_VCPU)


class EnergyMeter:
    """Measures from ``start`` to ``stop``; ``sample`` now and then in between, at least every few minutes.

    CPU: RAPL, else the estimate. CUDA: NVML, and RAPL where readable, else nothing. Other devices: nothing.
    One start or sample reads a few small files (well below 1 ms).

    Args:
        device: where the work runs.
        powercap: folder of the RAPL zones.
        vcpus: logical processors that belong to this job; None: those it may run on.
        wall: seconds.
        busy: seconds of processor time of this process, all threads.
    """

    def __init__(
        self,
        device: torch.device,
        *,
        powercap: Path = POWERCAP,
        vcpus: int | None = None,
        wall: Callable[[], float] = time.monotonic,
        busy: Callable[[], float] = time.process_time,
    ) -> None:
        rapl: Source | None = Rapl.open(powercap)
        gpu: Source | None = GpuCounter.open(device)
        found: list[Source | None] = []
        if device.type == "cpu":
            found = [rapl or CpuEstimate(vcpus or usable_vcpus(), wall, busy)]
        elif device.type == "cuda" and gpu is not None:
            found = [gpu, rapl]
        self._sources: list[Source] = [source for source in found if source is not None]
        self._before: list[float] = []

    def start(self) -> None:
        """Begin, or begin anew."""
        self._before = [source.read() for source in self._sources]

    def sample(self) -> None:
        """Read the counters, so that none wraps around twice unseen."""
        for source in self._sources:
            source.read()

    def stop(self) -> EnergyReading:
        """Return what was used since ``start``."""
        assert len(self._before) == len(self._sources), "start first"
        joules = sum(source.read() - before for source, before in zip(self._sources, self._before, strict=True))
        if joules <= 0:  # no source, or an interval too short for a counter to move
            return EnergyReading(None, "none", None)
        return EnergyReading(
            joules / 3600, self._sources[0].method, " + ".join(source.scope for source in self._sources)
        )


def usable_vcpus() -> int:
    """Return the logical processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
