"""Electrical energy: counters where they can be read, else an estimate that says so, else nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import torch

from ftlab.cores import usable_cpus
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
    """The energy counters of NVIDIA GPUs, added up."""

    method = "counter"

    def __init__(self, gpus: Sequence[Gpu]) -> None:
        self._gpus = list(gpus)
        self.scope = "GPU board (NVML)" if len(self._gpus) == 1 else f"{len(self._gpus)} GPU boards (NVML)"

    @classmethod
    def open(cls, devices: Sequence[torch.device]) -> GpuCounter | None:
        """Return the counters of ``devices``; None where one cannot be read: a part would pass for the whole."""
        gpus = [gpu for device in devices if (gpu := Gpu.open(device)) is not None and gpu.joules() is not None]
        return cls(gpus) if gpus and len(gpus) == len(devices) else None

    def read(self) -> float:
        """Return joules since the driver was loaded; NaN where a counter is lost: the GPU fell off the bus, say."""
        joules = [gpu.joules() for gpu in self._gpus]
        return math.fsum(math.nan if value is None else value for value in joules)


class CpuEstimate:
    """Watts per vCPU, from idle to full in proportion to the processor time of this process and its equals."""

    method = "estimate"

    def __init__(self, vcpus: int, wall: Callable[[], float], busy: Callable[[], float], processes: int = 1) -> None:
        self._vcpus, self._wall, self._busy, self._processes = vcpus, wall, busy, processes
        whose = "of this process" if processes == 1 else f"of this process, times the {processes} that train together"
        self.scope = (
            f"CPU only: {vcpus} vCPU x {IDLE_WATTS_PER_VCPU} W idle to {FULL_WATTS_PER_VCPU} W full, by the processor "
            f"time {whose} (Cloud Carbon Footprint's averages for AWS); no memory, disk, network or cooling"
        )

    def read(self) -> float:
        """Return estimated joules on the two clocks: all vCPUs idle all the time, and more for each busy second."""
        idle = self._vcpus * self._wall() * IDLE_WATTS_PER_VCPU
        return idle + self._busy() * self._processes * (FULL_WATTS_PER_VCPU - IDLE_WATTS_PER_VCPU)


class EnergyMeter:
    """Measures from ``start`` to ``stop``; ``sample`` now and then in between, at least every few minutes.

    CPU: RAPL, else the estimate. CUDA: NVML, and RAPL where readable, else nothing. Other devices: nothing.
    One start or sample reads a few small files (well below 1 ms).

    Args:
        device: where the work runs; of several processes on this machine, the device of each.
        powercap: folder of the RAPL zones.
        vcpus: logical processors that belong to this job; None: those it may run on.
        wall: seconds.
        busy: seconds of processor time of this process, all threads.
    """

    def __init__(
        self,
        device: torch.device | Sequence[torch.device],
        *,
        powercap: Path = POWERCAP,
        vcpus: int | None = None,
        wall: Callable[[], float] = time.monotonic,
        busy: Callable[[], float] = time.process_time,
    ) -> None:
        rapl: Source | None = Rapl.open(powercap)
        devices = [device] if isinstance(device, torch.device) else list(device)
        gpu: Source | None = GpuCounter.open(devices)
        found: list[Source | None] = []
        if devices[0].type == "cpu":
            found = [rapl or CpuEstimate(vcpus or usable_cpus(), wall, busy, len(devices))]
        elif devices[0].type == "cuda" and gpu is not None:
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
        if not joules > 0:  # no source, an interval too short for a counter to move, or a counter that is lost
            return EnergyReading(None, "none", None)
        return EnergyReading(
            joules / 3600, self._sources[0].method, " + ".join(source.scope for source in self._sources)
        )
