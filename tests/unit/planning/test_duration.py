"""How long a training takes."""

import dataclasses

import pytest

from ftlab.planning.duration import number_format, train_seconds, train_steps
from ftlab.planning.memory import memory_of, network_of
from ftlab.planning.types import Calibration
from planned_cells import CUDA, HERE, cell


def seconds(request, tokens=8 * 16 * 100, steps=100.0):
    return train_seconds(request, network_of(request), memory_of(request, 8), 8, 16, tokens, steps)


@pytest.mark.parametrize(
    ("trainer", "steps"),
    [
        ({"max_epochs": 3}, 39),
        ({"max_epochs": 3, "max_steps": 20}, 20),
        ({"max_epochs": -1, "max_steps": 20, "accumulate_grad_batches": 2}, 40),
        ({"max_epochs": 3, "limit_train_batches": 4}, 12),
        ({"max_epochs": 2, "limit_train_batches": 0.5}, 12),
    ],
)
def test_steps_are_those_the_trainer_takes(trainer, steps):
    assert train_steps(cell(trainer=trainer), 100) == steps


def test_this_machines_time_is_operations_and_flops_at_the_measured_speed():
    request = cell(calibration=Calibration(1e-4, {32: 1e9}, 1))
    step = memory_of(request, 8).step
    middle = 100 * (3e-3 + step.operations * 1e-4 + (step.forward_flops + step.backward_flops) / 1e9)
    low, high = seconds(request)
    assert low < middle < high < 2 * middle
    assert seconds(cell(device=HERE)) is None


def test_a_sheet_gives_a_range_between_a_half_and_a_fifth_of_its_peak():
    slow = dataclasses.replace(CUDA, tflops={"fp16": 1e-6}, bandwidth_gb_s=None)
    request = cell(device=slow)
    step = memory_of(request, 8).step
    flops = 100 * (step.forward_flops + step.backward_flops)
    assert seconds(request) == pytest.approx((flops / 0.5e6, flops / 0.2e6))


def test_bandwidth_is_a_floor():
    starved = dataclasses.replace(CUDA, bandwidth_gb_s=1e-6)
    memory = memory_of(cell(device=starved), 8)
    low, high = seconds(cell(device=starved))
    assert low == high > 100 * 2 * memory.weights / 1e3


def test_without_a_peak_there_is_no_time():
    assert seconds(cell(device=dataclasses.replace(CUDA, tflops={}))) is None


def test_products_are_counted_in_the_format_of_the_precision():
    named = {"bf16-mixed": "bf16", "bf16-true": "bf16", "16-mixed": "fp16", "32-true": "fp32"}
    assert {p: number_format(cell(device=CUDA, trainer={"precision": p})) for p in named} == named
