"""Energy of training and of requests, from stand-ins for the meter."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ftlab.callbacks.energy import Energy
from ftlab.callbacks.latency import Latency
from ftlab.measure.energy import EnergyReading
from ftlab.schema import CostConfig, LatencyConfig

COUNTED = EnergyReading(1.5, "counter", "packages")
GUESSED = EnergyReading(0.25, "estimate", "CPU only")


class Meter:
    def __init__(self, reading: EnergyReading) -> None:
        self.reading = reading
        self.calls: list[str] = []

    def __call__(self, device: torch.device) -> Meter:
        self.calls.append(device.type)
        return self

    def start(self) -> None:
        self.calls.append("start")

    def sample(self) -> None:
        self.calls.append("sample")

    def stop(self) -> EnergyReading:
        self.calls.append("stop")
        return self.reading


def timed(reading: EnergyReading, batch_size: int = 1) -> Latency:
    latency = Latency(None, LatencyConfig(enabled=False))  # type: ignore[arg-type]
    latency.energy = {batch_size: reading}
    return latency


def make(meter: Meter, **options: Any) -> Energy:
    return Energy(CostConfig(), meter=meter, **options)  # type: ignore[arg-type]


def test_training_is_metered_from_start_to_end_of_fit(fit: Any, tiny: Any, batches: Any) -> None:
    meter = Meter(COUNTED)
    energy = make(meter)
    fit(tiny(), batches(1, 1), energy)
    assert meter.calls == ["cpu", "start", "stop"]
    assert energy.measured() == {
        "energy": {"training_wh": 1.5, "wh_per_1k_requests": None, "method": "counter", "scope": "packages"}
    }


def test_counters_are_read_now_and_then(fit: Any, tiny: Any, batches: Any) -> None:
    seconds = iter(range(0, 10_000, 20))
    meter = Meter(COUNTED)
    fit(tiny(), batches(*[1] * 6), make(meter, clock=lambda: float(next(seconds))))
    assert meter.calls.count("sample") == 3


@pytest.mark.parametrize("latency_first", [True, False])
def test_requests_come_from_the_timed_calls_wherever_the_callback_stands(
    fit: Any, tiny: Any, batches: Any, latency_first: bool
) -> None:
    energy, latency = make(Meter(GUESSED)), timed(GUESSED)
    fit(tiny(), batches(1), *([latency, energy] if latency_first else [energy, latency]))
    found = energy.measured()["energy"]
    assert (found["training_wh"], found["wh_per_1k_requests"]) == (0.25, 0.25)
    assert (found["method"], found["scope"]) == ("estimate", "CPU only")


def test_batch_size_that_was_not_timed_is_unknown(fit: Any, tiny: Any, batches: Any) -> None:
    energy = make(Meter(COUNTED))
    fit(tiny(), batches(1), energy, timed(GUESSED, batch_size=32))
    assert energy.measured()["energy"]["wh_per_1k_requests"] is None


def test_two_ways_of_knowing_are_called_by_the_weaker(fit: Any, tiny: Any, batches: Any) -> None:
    energy = make(Meter(COUNTED))
    fit(tiny(), batches(1), energy, timed(GUESSED))
    found = energy.measured()["energy"]
    assert (found["method"], found["scope"]) == ("estimate", "packages; requests: CPU only")


def test_nothing_known_is_none_not_zero() -> None:
    found = Energy(CostConfig()).measured()["energy"]
    assert found == {"training_wh": None, "wh_per_1k_requests": None, "method": "none", "scope": None}


def test_untrained_model_has_the_energy_of_its_requests(
    make_trainer: Any, tiny: Any, batches: Any, loader: Any
) -> None:
    energy = make(Meter(COUNTED))
    make_trainer(energy, timed(GUESSED)).test(tiny(), loader(batches(1)), verbose=False)
    found = energy.measured()["energy"]
    assert (found["training_wh"], found["wh_per_1k_requests"], found["method"]) == (None, 0.25, "estimate")


def test_failed_training_keeps_its_energy(fit: Any, tiny: Any, batches: Any) -> None:
    energy = make(Meter(COUNTED))
    with pytest.raises(KeyError):
        fit(tiny(), [{"labels": batches(1)[0]["labels"]}], energy)
    assert energy.measured()["energy"]["training_wh"] == 1.5
