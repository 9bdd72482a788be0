"""What a step takes, put together."""

import dataclasses

import pytest

from ftlab.planning.memory import memory_of, planned_precision, rows_in_all, static_bytes, text_length
from planned_cells import CUDA, FULL, LORA, cell


def test_the_parts_of_full_fine_tuning_are_weights_gradients_and_two_moments():
    request = cell()
    found = memory_of(request, 8)
    assert found.gradients == found.weights == found.optimizer / 2
    assert static_bytes(request) == found.weights + found.gradients + found.optimizer
    assert found.peak >= static_bytes(request)
    assert found.activations == pytest.approx(found.peak - static_bytes(request))


def test_lora_leaves_gradients_and_state_of_the_update_only():
    found = memory_of(cell(LORA), 8)
    assert found.gradients < found.weights / 10
    assert found.optimizer == 2 * found.gradients


def test_rows_done_in_parts_keep_the_gradients_of_the_parts_before():
    once, again = memory_of(cell(), 8), memory_of(cell(rows=16), 8)
    assert again.peak >= once.weights + once.optimizer + once.gradients + once.activations
    assert again.peak == memory_of(cell(trainer={"accumulate_grad_batches": 4}), 8).peak > once.peak


def test_updates_in_the_backward_pass_leave_one_gradient():
    plain, updated = (memory_of(cell(rows=1, trainer={"optimizer_in_backward": way}), 1) for way in (False, True))
    assert updated.gradients == 400 * 32 * 4  # the embeddings'
    assert updated.peak < plain.peak


def test_offloaded_activations_take_nothing_on_cuda_and_stay_elsewhere():
    plain, moved = (memory_of(cell(rows=64, device=CUDA, trainer=t), 64) for t in ({}, {"activation_offload": True}))
    assert moved.peak < plain.peak
    assert memory_of(cell(trainer={"activation_offload": True}), 8).peak == memory_of(cell(), 8).peak


def test_several_devices_share_rows_and_with_fsdp_all_else():
    ddp = cell(rows=8, device=CUDA, trainer={"strategy": "ddp", "devices": 2})
    fsdp = cell(rows=8, device=CUDA, trainer={"strategy": "fsdp", "devices": 2})
    assert rows_in_all(ddp) == 4
    assert memory_of(fsdp, 4).weights == memory_of(ddp, 4).weights / 2
    assert memory_of(fsdp, 4).peak < memory_of(ddp, 4).peak


def test_auto_precision_is_that_of_the_planned_device():
    assert planned_precision(cell(device=CUDA)) == "16-mixed"  # its sheet has no bfloat16
    newer = dataclasses.replace(CUDA, tflops={**CUDA.tflops, "bf16": 65.0})
    assert planned_precision(cell(device=newer)) == "bf16-mixed"
    assert planned_precision(cell(device=dataclasses.replace(CUDA, kind="mps"))) == "32-true"
    assert planned_precision(cell(device=CUDA, trainer={"precision": "bf16-true"})) == "bf16-true"


def test_a_prompt_lengthens_each_text():
    assert text_length(cell(FULL, extra_tokens=20)) == 36
