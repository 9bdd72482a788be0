"""Peak memory, from scripted sources and from the process itself."""

from __future__ import annotations

import mmap
import sys
from types import SimpleNamespace

import psutil
import pytest
import torch

from ftlab.measure import memory
from ftlab.measure.memory import PeakMemory, is_out_of_memory


def scripted(monkeypatch: pytest.MonkeyPatch, resident: list[int], lifetime: list[int]) -> PeakMemory:
    meter = PeakMemory(torch.device("cpu"))
    monkeypatch.setattr(meter, "_process", SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=resident.pop(0))))
    monkeypatch.setattr(memory, "_lifetime_peak", lambda: lifetime.pop(0))
    return meter


def test_new_lifetime_peak_is_the_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = scripted(monkeypatch, resident=[1_000_000, 2_000_000], lifetime=[5_000_000, 9_000_000])
    meter.start()
    assert meter.stop() == 9.0


def test_older_lifetime_peak_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = scripted(monkeypatch, resident=[1_000_000, 4_000_000, 2_000_000], lifetime=[5_000_000, 5_000_000])
    meter.start()
    meter.sample()
    assert meter.stop() == 4.0


def test_start_forgets_an_earlier_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = scripted(monkeypatch, resident=[8_000_000, 1_000_000, 1_000_000], lifetime=[9_000_000] * 3)
    meter.start()
    meter.start()
    assert meter.stop() == 1.0


def test_memory_taken_and_given_back_is_seen() -> None:
    meter = PeakMemory(torch.device("cpu"))
    meter.start()
    before = psutil.Process().memory_info().rss / 1e6
    # Pages of its own: an array may lie in memory that was freed before and kept.
    with mmap.mmap(-1, 60_000_000) as block:
        block.write(b"\1" * len(block))
        meter.sample()
    peak = meter.stop()
    assert peak is not None
    assert peak >= before + 50


def test_cuda_is_asked_for_its_own_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    resets: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", resets.append)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 3_500_000)
    meter = PeakMemory(torch.device("cuda", 0))
    meter.start()
    assert meter.stop() == 3.5
    assert resets == [torch.device("cuda", 0)]


def test_apple_memory_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [1_000_000, 6_000_000, 2_000_000]
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: sizes.pop(0))
    meter = PeakMemory(torch.device("mps"))
    meter.start()
    meter.sample()
    assert meter.stop() == 6.0


def test_other_devices_are_unknown() -> None:
    meter = PeakMemory(torch.device("xpu"))
    meter.start()
    assert meter.stop() is None


def test_lifetime_peak_is_in_bytes_on_every_system(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    monkeypatch.setattr(resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=2048))
    monkeypatch.setattr(sys, "platform", "linux")
    assert memory._lifetime_peak() == 2048 * 1024
    monkeypatch.setattr(sys, "platform", "darwin")
    assert memory._lifetime_peak() == 2048
    monkeypatch.setattr(sys, "platform", "win32")
    assert memory._lifetime_peak() == 0


def test_apples_out_of_memory_is_told_by_its_words() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 5.56 GB, max allowed: 6.80 GB)."))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_what_earlier_work_held_and_freed_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(memory, "give_back", lambda: calls.append("given back"))
    monkeypatch.setattr(memory, "_lifetime_peak", lambda: calls.append("read") or 0)
    PeakMemory(torch.device("cpu")).start()
    assert calls == ["given back", "read"]
    PeakMemory(torch.device("xpu")).start()
    assert calls.count("given back") == 1
