"""One training, estimated."""

import dataclasses
import time

import pytest

from ftlab.planning.estimate import estimate
from ftlab.planning.types import Calibration
from planned_cells import CUDA, HERE, LLAMA, LORA, QLORA, cell

TIMED = Calibration(1e-5, {32: 1e9}, 1)


def test_the_parts_add_up_to_the_peak():
    found = estimate(cell())
    parts = found.weights_mb + found.gradients_mb + found.optimizer_mb + found.activations_mb
    assert found.peak_mb == pytest.approx(parts)
    assert found.fits and found.remedy is None
    assert (found.micro_batch, found.largest_micro_batch) == (8, 8)
    assert found.forward_flops_per_token < found.flops_per_token


def test_time_and_price_need_rows_a_speed_and_a_price():
    assert estimate(cell(rows=8)).train_tokens is None
    known = cell(calibration=TIMED, usd_per_hour=3.6)
    found = estimate(dataclasses.replace(known, rows=80, mean_tokens=10.0))
    assert found.train_tokens == 2 * 80 * 10
    assert found.usd == pytest.approx(tuple(seconds / 1000 for seconds in found.seconds))
    assert not found.notes
    assert estimate(dataclasses.replace(known, rows=80, usd_per_hour=None)).usd is None
    untimed = estimate(dataclasses.replace(cell(), rows=80))
    assert untimed.train_tokens == 2 * 80 * 16 and untimed.seconds is None
    assert any("rows x max_length" in note for note in untimed.notes)
    assert any("not calibrated" in note for note in untimed.notes)


def test_auto_takes_the_rows_that_fit():
    request = cell(rows=32, length=64)
    auto = dataclasses.replace(request.dataset, batch_size="auto", effective_batch_size=32)
    one = estimate(cell(rows=1, length=64, trainer={"accumulate_grad_batches": 2})).peak_mb
    sheet = dataclasses.replace(HERE, memory_gb=2 * one / 1e3, reserved_gb=0.0)
    found = estimate(dataclasses.replace(request, dataset=auto, device=sheet))
    assert found.fits and 1 <= found.micro_batch == found.largest_micro_batch < 32
    assert estimate(dataclasses.replace(request, device=sheet)).fits is False


def test_nothing_trains_with_none():
    found = estimate(cell({"_target_": "ftlab.adapters.none.add_none", "name": "none"}, calibration=TIMED))
    assert (found.trainable_parameters, found.gradients_mb, found.optimizer_mb, found.seconds) == (0, 0, 0, None)
    assert found.flops_per_token == found.forward_flops_per_token


def test_flash_attention_can_be_planned_without_a_gpu():
    found = estimate(cell(architecture=LLAMA, device=CUDA, model={"attention": "flash"}))
    assert any("flash attention" in note for note in found.notes)


def test_a_large_model_is_estimated_in_a_moment():
    """8 billion parameters; a second would be much, and machines that test are slow."""
    large = {
        **LLAMA, "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
        "intermediate_size": 14336, "vocab_size": 128256,
    }  # fmt: skip
    begin = time.perf_counter()
    plain, few_bits = (estimate(cell(node, architecture=large, rows=1, device=CUDA)) for node in (LORA, QLORA))
    assert time.perf_counter() - begin < 10
    assert plain.parameters == pytest.approx(8.03e9, rel=0.01)
    assert plain.fits is False and plain.remedy.startswith("adapter=qlora")
    assert few_bits.fits and few_bits.weights_mb < 0.3 * plain.weights_mb
