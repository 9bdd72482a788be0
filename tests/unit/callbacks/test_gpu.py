"""GPU utilisation, from a stand-in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ftlab.callbacks import gpu
from ftlab.callbacks.gpu import GpuUtilisation


class Clock:
    """0.5 s later at every look."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 0.5
        return self.now


def run(fit: Any, tiny: Any, train: Any, monkeypatch: pytest.MonkeyPatch, values: list[float | None]) -> Any:
    fake = SimpleNamespace(utilisation=lambda: values.pop(0))
    monkeypatch.setattr(gpu, "Gpu", SimpleNamespace(open=lambda device: fake))
    meter = GpuUtilisation(clock=Clock())
    fit(tiny(), train, meter)
    return meter.measured()["training"]["gpu_utilisation"]


def test_mean_of_the_looks_is_reported(fit: Any, tiny: Any, batches: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(fit, tiny, batches(*[1] * 6), monkeypatch, [0.25, 0.75, 0.5]) == 0.5


def test_looks_are_a_second_apart(fit: Any, tiny: Any, batches: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    values: list[float | None] = [0.1] * 6
    run(fit, tiny, batches(*[1] * 6), monkeypatch, values)
    assert len(values) == 3  # every second batch: 0.5 s to the next look, 0.5 s to set the time


def test_failed_looks_do_not_count(fit: Any, tiny: Any, batches: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(fit, tiny, batches(*[1] * 6), monkeypatch, [None, 0.5, None]) == 0.5
    assert run(fit, tiny, batches(*[1] * 6), monkeypatch, [None, None, None]) is None


def test_without_a_gpu_it_is_unknown(fit: Any, tiny: Any, batches: Any) -> None:
    meter = GpuUtilisation()
    fit(tiny(), batches(1, 1), meter)
    assert meter.measured() == {"training": {"gpu_utilisation": None}}
