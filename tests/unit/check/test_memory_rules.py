"""What cannot be had together is said before anything heavy is imported."""

from __future__ import annotations

import pytest

from ftlab.check.memory_rules import not_in_backward, not_offloaded
from ftlab.errors import ConfigError


@pytest.fixture
def faults(cfg):
    """Check the default configuration with some values replaced."""

    def find(changes):
        words = {key: {None: "null", True: "true"}.get(value, value) for key, value in changes.items()}
        try:
            cfg(*(f"{key}={value}" for key, value in words.items()))
        except ConfigError as error:
            return list(error.sentences)
        return []

    return find


AUTO = {"dataset.batch_size": "auto"}
ON = {"trainer.optimizer_in_backward": True, "trainer.gradient_clip_val": None}


def test_auto_goes_with_any_number_of_rows(faults):
    assert faults(AUTO) == []
    assert faults({**AUTO, "dataset.effective_batch_size": 32}) == []
    assert faults({**ON}) == []


@pytest.mark.parametrize("value", [0, -1, "big", 1.5])
def test_rows_that_are_none(faults, value):
    (said,) = faults({"dataset.batch_size": value})
    assert said == f"dataset.batch_size={value} is no number of rows; type dataset.batch_size=auto or a number from 1"


def test_effective_rows_below_one(faults):
    (said,) = faults({**AUTO, "dataset.effective_batch_size": 0})
    assert said.startswith("dataset.effective_batch_size=0 leaves no rows") and said.endswith("from 1")


def test_effective_rows_beside_a_number(faults):
    (said,) = faults({"dataset.effective_batch_size": 32})
    assert said.endswith("dataset.batch_size=16 is a number; write dataset.batch_size=32")


@pytest.mark.parametrize(
    ("more", "remedy"),
    [
        ({"trainer.gradient_clip_val": 0.5}, "write trainer.gradient_clip_val=null"),
        ({"trainer.accumulate_grad_batches": 2}, "write trainer.accumulate_grad_batches=1"),
        (AUTO, "write dataset.batch_size=<number>"),
        ({"trainer.precision": "16-mixed"}, "write trainer.precision=bf16-mixed"),
        ({"trainer.strategy": "ddp"}, "write trainer.devices=1 trainer.strategy=auto"),
    ],
)
def test_what_updates_in_the_backward_pass_cannot_do(faults, more, remedy):
    (said,) = faults({**ON, **more})
    assert said.startswith("trainer.optimizer_in_backward=true updates each parameter") and said.endswith(remedy)


def test_processes_that_only_the_machine_knows_of():
    (said,) = not_in_backward({"optimizer_in_backward": True}, False, processes=2)
    assert said.endswith("write trainer.devices=1 trainer.strategy=auto")


@pytest.mark.parametrize("accelerator", ["cpu", "mps"])
def test_activations_that_are_in_the_hosts_memory_anyway(faults, accelerator):
    (said,) = faults({"trainer.activation_offload": True, "trainer.accelerator": accelerator})
    assert said.endswith("write model.gradient_checkpointing=true")
    assert list(not_offloaded({"activation_offload": True}, "cuda")) == []
