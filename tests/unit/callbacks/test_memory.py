"""Peak memory of a fit."""

from __future__ import annotations

from typing import Any

import pytest

from ftlab.callbacks import memory
from ftlab.callbacks.memory import Memory


class FakeMeter:
    def __init__(self, device: Any) -> None:
        self.calls: list[str] = [str(device)]
        FakeMeter.last = self

    def start(self) -> None:
        self.calls.append("start")

    def sample(self) -> None:
        self.calls.append("sample")

    def stop(self) -> float:
        self.calls.append("stop")
        return 123.0


def test_peak_is_metered_over_the_fit(fit: Any, tiny: Any, batches: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "PeakMemory", FakeMeter)
    seconds = iter(x / 100 for x in range(1000))
    meter = Memory(clock=lambda: next(seconds))
    fit(tiny(), batches(*[1] * 12), meter)
    assert FakeMeter.last.calls == ["cpu", "start", "sample", "sample", "stop"]  # 12 batches, 10 ms each
    assert meter.measured() == {"training": {"peak_memory_mb": 123.0}}


def test_peak_of_this_process_is_plausible(fit: Any, tiny: Any, batches: Any) -> None:
    meter = Memory()
    fit(tiny(), batches(1), meter)
    assert 50 < meter.measured()["training"]["peak_memory_mb"] < 50_000  # torch alone takes more than 50 MB


def test_failed_fit_keeps_its_peak(fit: Any, tiny: Any, batches: Any) -> None:
    meter = Memory()
    with pytest.raises(KeyError):
        fit(tiny(), [{"labels": batches(1)[0]["labels"]}], meter)
    assert meter.measured()["training"]["peak_memory_mb"] > 50


def test_nothing_trained_is_unknown() -> None:
    assert Memory().measured() == {"training": {"peak_memory_mb": None}}
