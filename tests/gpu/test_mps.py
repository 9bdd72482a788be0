"""What only an Apple GPU can show. Every test is skipped, with a reason, on a machine without one."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch

from ftlab.checkpoints.rng import rng_state, set_rng_state
from ftlab.measure.device import synchronizer
from ftlab.measure.memory import PeakMemory

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("precision", ["auto", "32-true", "16-mixed", "bf16-mixed", "bf16-true"])
def test_every_precision_trains_is_timed_and_verified(mps: torch.device, run: Any, precision: str) -> None:
    result = run("trainer=mps", f"trainer.precision={precision}")
    assert result["model"]["precision"] == ("32-true" if precision == "auto" else precision)
    assert result["environment"]["trained_on"] == "mps" and result["environment"]["gpu"] is None
    assert result["training"]["peak_memory_mb"] > 0
    assert all(row["device"] == "mps" and row["p50_ms"] > 0 for row in result["latency"])
    assert result["artefact"]["verified"]
    assert result["energy"]["method"] == "none"  # no counter that a program may read: unknown, never 0


def test_the_synchroniser_waits_for_what_was_queued(mps: torch.device) -> None:
    matrix, wait = torch.randn(2048, 2048, device=mps), synchronizer(mps)
    assert wait is not None
    wait()
    start = time.perf_counter()
    for _ in range(20):
        matrix @ matrix
    queued = time.perf_counter() - start
    wait()
    assert time.perf_counter() - start > queued


def test_peak_memory_is_above_zero(mps: torch.device) -> None:
    meter = PeakMemory(mps)
    meter.start()
    block = torch.ones(50_000_000, dtype=torch.uint8, device=mps)
    meter.sample()
    del block
    assert (meter.stop() or 0.0) >= 50


def test_the_generator_of_the_device_is_put_back(mps: torch.device) -> None:
    state = rng_state(mps)
    first = torch.rand(8, device=mps)
    set_rng_state(state, mps)
    assert torch.equal(first, torch.rand(8, device=mps))
