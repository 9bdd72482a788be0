"""Estimated states against those of the optimizers themselves."""

import pytest
import torch
from torch import nn

from ftlab.build import build_optimizer
from ftlab.planning.optimizer import state_bytes, step_bytes

SHAPES = [(128, 96), (96,), (3, 8)]


def real_bytes(node):
    trained = [nn.Parameter(torch.randn(*shape)) for shape in SHAPES]
    optimizer = build_optimizer(node, "cpu", "32-true")([{"params": trained}])
    for parameter in trained:
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    shared = {}  # tables of values that all parameters share
    for state in optimizer.state.values():
        for name, value in state.items():
            if isinstance(value, torch.Tensor) and value.numel() > 1 and not name.startswith("qmap"):
                shared[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
    return sum(shared.values())


@pytest.mark.parametrize(
    "node",
    [
        {"_target_": "torch.optim.AdamW"},
        {"_target_": "torch.optim.AdamW", "amsgrad": True},
        {"_target_": "torch.optim.SGD", "lr": 0.1},
        {"_target_": "torch.optim.SGD", "lr": 0.1, "momentum": 0.9},
        {"_target_": "torch.optim.Adafactor"},
        {"_target_": "torch.optim.RMSprop", "momentum": 0.9, "centered": True},
        {"_target_": "torch.optim.Adagrad"},
        {"_target_": "torch.optim.NAdam"},
        {"_target_": "bitsandbytes.optim.AdamW8bit", "min_8bit_size": 4096},
        {"_target_": "bitsandbytes.optim.Lion"},
    ],
    ids=lambda node: "-".join(str(value).rpartition(".")[-1] for value in node.values()),
)
def test_the_state_is_as_large_as_estimated(node):
    trained = [(torch.empty(shape, device="meta"), 1) for shape in SHAPES]
    estimated, assumed = state_bytes(node, trained)
    assert estimated == pytest.approx(real_bytes(node), rel=0.02)
    assert assumed is None


def test_what_stands_there_more_often_counts_more_often():
    one, _ = state_bytes({"_target_": "torch.optim.AdamW"}, [(torch.empty(4, 4), 1)])
    assert state_bytes({"_target_": "torch.optim.AdamW"}, [(torch.empty(4, 4), 7)])[0] == 7 * one == 7 * 128


def test_an_unknown_optimizer_is_taken_for_adamw_and_that_is_said():
    found, assumed = state_bytes({"_target_": "mine.Prodigy"}, [(torch.empty(4, 4), 1)])
    assert found == 128
    assert "Prodigy: its state is taken to be two moments" in assumed


def test_only_steps_in_one_pass_take_nothing_on_top():
    trained = [(torch.empty(4, 4), 2), (torch.empty(2), 1)]
    adamw, adafactor = {"_target_": "torch.optim.AdamW"}, {"_target_": "torch.optim.Adafactor"}
    assert step_bytes(adamw, trained, "cuda", "bf16-mixed") == 0
    assert step_bytes(adamw, trained, "cuda", "16-mixed") == 2 * 64 + 8  # the gradient scaler forbids a fused step
    assert step_bytes(adafactor, trained, "cpu", "32-true") == 3 * 64
    assert step_bytes(adafactor, [], "cpu", "32-true") == 0
