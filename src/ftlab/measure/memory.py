"""Peak memory: of the device where it has its own, else of the process."""

from __future__ import annotations

import sys

import psutil
import torch

from ftlab.allocator import give_back

MB = 1e6  # bytes
_OUT_OF_MEMORY = (
    "MPS backend out of memory",
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",
    "CUBLAS_STATUS_ALLOC_FAILED",  # no room for its workspace
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether ``error`` is a device's "out of memory"; some are a plain RuntimeError, told by their words."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _OUT_OF_MEMORY)


class PeakMemory:
    """The largest memory in use between ``start`` and ``stop``.

    CUDA: torch's own high-water mark of allocated memory, exact. Apple: the driver's allocation, sampled. CPU: resident
    memory of the process, libraries included; exact where it is the largest since the process began (``getrusage``
    keeps that one), else the largest ``sample``. One sample costs about 60 us.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._process = psutil.Process()
        self._largest, self._before = 0, 0

    def start(self) -> None:
        """Begin, or begin anew; on a CPU without what earlier work of the process held and freed."""
        if self._device.type == "cpu":
            give_back()
        self._largest, self._before = 0, _lifetime_peak()
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        self.sample()

    def sample(self) -> None:
        """Look now."""
        if self._device.type == "cuda":
            return  # the allocator keeps the mark itself
        if self._device.type == "mps":
            now = torch.mps.driver_allocated_memory()
        else:
            now = self._process.memory_info().rss
        self._largest = max(self._largest, now)

    def stop(self) -> float | None:
        """Return the peak in MB (1e6 bytes); None: not measurable on this device."""
        self.sample()
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device) / MB
        if self._device.type == "cpu" and (after := _lifetime_peak()) > self._before:
            return max(after, self._largest) / MB
        return self._largest / MB if self._device.type in ("cpu", "mps") else None


def _lifetime_peak() -> int:
    """Return the largest resident memory of the process so far, in bytes; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux KiB
