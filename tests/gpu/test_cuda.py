"""What only a CUDA GPU can show. Every test is skipped, with a reason, on a machine without one."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from ftlab.measure.device import device_name, synchronizer
from ftlab.measure.memory import PeakMemory
from ftlab.measure.nvml import Gpu
from ftlab.modules.precision import pick_precision

pytestmark = pytest.mark.gpu


def has_bf16(device: torch.device) -> bool:
    return torch.cuda.get_device_properties(device).major >= 8


@pytest.mark.parametrize("precision", ["auto", "32-true", "16-mixed", "bf16-mixed", "16-true", "bf16-true", "64-true"])
def test_every_precision_trains_is_timed_and_verified(cuda: torch.device, run: Any, precision: str) -> None:
    if precision.startswith("bf16") and not has_bf16(cuda):
        pytest.skip(f"{device_name(cuda)} does not compute in bfloat16")
    result = run("trainer=gpu", f"trainer.precision={precision}")
    expected = pick_precision(precision, cuda)
    assert result["model"]["precision"] == expected
    assert result["environment"]["gpu"] == device_name(cuda) and result["environment"]["trained_on"] == "cuda"
    assert result["training"]["steps"] > 0 and result["training"]["peak_memory_mb"] > 0
    assert all(row["device"] == device_name(cuda) and row["p50_ms"] > 0 for row in result["latency"])
    widths = {"32": "float32", "64": "float64", "bf16": "bfloat16", "16": "float16"}
    assert {row["dtype"] for row in result["latency"]} == {widths[expected.split("-")[0]]}
    assert result["artefact"]["verified"]


@pytest.mark.parametrize("adapter", ["lora", "freeze", "head"])
def test_adapters_train_under_auto_with_clipping(cuda: torch.device, run: Any, adapter: str) -> None:
    result = run("trainer=gpu", f"adapter={adapter}", "trainer.gradient_clip_val=0.5")
    assert result["run"]["status"] == "finished"


def test_class_weights_hold_in_half_precision(cuda: torch.device, run: Any) -> None:
    half = "bf16-true" if has_bf16(cuda) else "16-true"
    assert run("trainer=gpu", f"trainer.precision={half}", "model.class_weights=balanced")["training"]["steps"] > 0


def test_the_synchroniser_waits_for_what_was_queued(cuda: torch.device) -> None:
    matrix = torch.randn(4096, 4096, device=cuda)
    wait = synchronizer(cuda)
    assert wait is not None
    wait()

    def work() -> None:
        for _ in range(20):
            matrix @ matrix

    work()
    wait()
    start = time.perf_counter()
    work()
    queued = time.perf_counter() - start
    wait()
    done = time.perf_counter() - start
    assert done > 2 * queued  # without waiting only the queueing would be timed


def test_latency_of_a_batch_is_no_less_than_that_of_one(cuda: torch.device, run: Any) -> None:
    rows = run("trainer=gpu", "latency.batch_sizes=[1,32]", "latency.min_samples=30")["latency"]
    assert rows[1]["p50_ms"] > 0.5 * rows[0]["p50_ms"]


def test_peak_memory_holds_what_was_given_back(cuda: torch.device) -> None:
    torch.ones(1, device=cuda)
    meter = PeakMemory(cuda)
    meter.start()
    block = torch.ones(50_000_000, dtype=torch.uint8, device=cuda)
    del block
    peak = meter.stop()
    assert peak is not None and peak >= 50
    meter.start()
    assert (meter.stop() or 0.0) < peak  # and an earlier peak is not this one's


def test_energy_and_utilisation_come_from_counters(cuda: torch.device, run: Any) -> None:
    if importlib.util.find_spec("pynvml") is None:
        pytest.skip("nvidia-ml-py is not installed")
    gpu = Gpu.open(cuda)
    if gpu is None or gpu.joules() is None:
        pytest.skip(f"{device_name(cuda)} has no energy counter")
    result = run("trainer=gpu", "trainer.max_epochs=30")
    assert result["energy"]["method"] == "counter" and "GPU board" in result["energy"]["scope"]
    assert result["energy"]["training_wh"] > 0
    assert 0 <= result["training"]["gpu_utilisation"] <= 1


def test_a_second_gpu_trains_answers_and_is_measured(two_gpus: None, run: Any) -> None:
    before = torch.cuda.max_memory_allocated(0)
    result = run("trainer=gpu", "trainer.devices=[1]")
    assert result["environment"]["gpu"] == device_name(torch.device("cuda", 1))
    assert torch.cuda.max_memory_allocated(0) == before  # nothing of it on the first


def test_training_on_a_gpu_may_answer_on_the_cpu(cuda: torch.device, run: Any) -> None:
    result = run("trainer=gpu", "device=cpu")
    assert {row["device"] for row in result["latency"]} == {"cpu"} and result["environment"]["trained_on"] == "cuda"
    assert {row["dtype"] for row in result["latency"]} == {"float32"}
    assert result["artefact"]["verified"]


def test_the_same_seed_gives_the_same_numbers(cuda: torch.device, run: Any) -> None:
    first, second = (run("trainer=gpu", "trainer.deterministic=true", place=place) for place in ("a", "b"))
    assert first["quality"]["test"] == second["quality"]["test"]


def test_a_training_gone_on_with_is_bit_for_bit_the_one_that_was_not_broken_off(
    cuda: torch.device, tmp_path: Path
) -> None:
    from ftlab.checkpoints.states import newest_state
    from training import CrashError, Run, Strike, crash

    gpu = {"accelerator": "gpu", "deterministic": True}
    whole = Run(tmp_path / "whole", options=gpu).fit().outcome()
    broken = Run(tmp_path / "broken", options=gpu)
    with pytest.raises(CrashError):
        broken.fit(Strike("batch end", 17, crash))
    state, _ = newest_state(tmp_path / "broken" / "checkpoints")
    gone_on = Run(tmp_path / "broken", options=gpu).fit(state=state).outcome()
    for name in ("weights", "moments", "schedule", "steps", "history", "random"):
        assert gone_on[name] == whole[name], name


def test_two_gpus_give_what_one_gives(two_gpus: None, run: Any) -> None:
    one = run("trainer=gpu", "trainer.precision=32-true", place="one")
    two = run("trainer=ddp", "trainer.devices=2", "trainer.precision=32-true", place="two")
    assert two["training"]["processes"] == 2 and two["training"]["steps"] == one["training"]["steps"]
    assert two["quality"]["test"]["loss"] == pytest.approx(one["quality"]["test"]["loss"], abs=1e-3)
    if two["energy"]["method"] == "counter":
        assert "2 GPU boards" in two["energy"]["scope"]
