"""Devices and precisions of machines that are not here: every flag torch is asked for is faked."""

from types import SimpleNamespace

import pytest
import torch

from ftlab.errors import ConfigError
from ftlab.modules.precision import (
    inference_device,
    inference_precision,
    pick_accelerator,
    pick_precision,
    trained_on,
    training_device,
)

CPU, CUDA, MPS = torch.device("cpu"), torch.device("cuda", 0), torch.device("mps")


@pytest.fixture
def machine(monkeypatch):
    """Fake a machine: majors of its GPUs' compute capability, Apple's GPU, what its CPU multiplies in bf16."""

    def fake(gpus=(), mps=False, avx512_bf16=False, amx=False, hip=None):
        monkeypatch.delenv("LOCAL_RANK", raising=False)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(gpus))
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(gpus))
        monkeypatch.setattr(
            torch.cuda, "get_device_properties", lambda device: SimpleNamespace(major=gpus[device.index])
        )
        monkeypatch.setattr(torch.version, "hip", hip)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)

    return fake


MACHINES = {
    "A100 (8.0)": ({"gpus": (8,)}, "cuda:0", "bf16-mixed"),
    "L4 (8.9)": ({"gpus": (8,)}, "cuda:0", "bf16-mixed"),
    "H100 (9.0)": ({"gpus": (9,)}, "cuda:0", "bf16-mixed"),
    "T4 (7.5)": ({"gpus": (7,)}, "cuda:0", "16-mixed"),
    "T4 in a server whose CPU has AMX": ({"gpus": (7,), "amx": True}, "cuda:0", "16-mixed"),
    "AMD's MI300": ({"gpus": (9,), "hip": "6.2"}, "cuda:0", "bf16-mixed"),
    "Apple silicon": ({"mps": True}, "mps", "32-true"),
    "CPU": ({}, "cpu", "32-true"),
    "CPU with avx512_bf16": ({"avx512_bf16": True}, "cpu", "bf16-mixed"),
    "CPU with AMX": ({"amx": True}, "cpu", "bf16-mixed"),
}


@pytest.mark.parametrize("name", MACHINES)
def test_auto_takes_the_best_device_and_bf16_only_where_it_computes_in_it(machine, name):
    flags, device, precision = MACHINES[name]
    machine(**flags)
    found = training_device(pick_accelerator("auto"))
    assert str(found) == device
    assert pick_precision("auto", found) == precision
    assert inference_device("auto") == found
    assert pick_accelerator(None) == pick_accelerator("auto")


def test_the_gpu_that_trains_is_asked_not_the_first(machine):
    machine(gpus=(7, 8))
    assert pick_precision("auto", training_device("cuda", 1)) == "16-mixed"
    assert pick_precision("auto", training_device("cuda", [1])) == "bf16-mixed"


@pytest.mark.parametrize(
    ("devices", "expected"), [(1, "cuda:0"), ("1", "cuda:0"), ([1], "cuda:1"), ([2, 0], "cuda:2"), ("1,", "cuda:1")]
)
def test_training_is_where_lightning_will_train(machine, devices, expected):
    machine(gpus=(8, 8, 8))
    device = training_device("cuda", devices)
    assert str(device) == expected
    assert inference_device("auto", device) == device  # and answers come from there
    assert inference_device("cuda", device) == device


def test_each_process_of_a_training_has_its_own_gpu(machine, monkeypatch):
    machine(gpus=(8, 8, 8))
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert str(training_device("cuda", 2)) == "cuda:1"
    assert str(training_device("cuda", [2, 0])) == "cuda:0"


def test_gpu_means_apples_on_a_mac(machine):
    machine(mps=True)
    assert pick_accelerator("gpu") == "mps"


@pytest.mark.parametrize("accelerator", ["gpu", "cuda", "mps"])
def test_an_accelerator_that_is_not_there_is_one_sentence(machine, accelerator):
    machine()
    with pytest.raises(ConfigError, match=f"trainer.accelerator={accelerator} finds no .*; write trainer=cpu$"):
        pick_accelerator(accelerator)


@pytest.mark.parametrize("devices", [3, [2], [0, 5], "3"])
def test_more_gpus_than_there_are_is_one_sentence(machine, devices):
    machine(gpus=(8, 8))
    with pytest.raises(ConfigError, match=r"is beyond the 2 GPUs of this machine; write trainer.devices=1"):
        training_device("cuda", devices)


def test_a_device_of_inference_that_is_not_there_is_one_sentence(machine):
    machine()
    with pytest.raises(ConfigError, match=r"device=cuda:1 finds no CUDA GPU .*; write device=cpu"):
        inference_device("cuda:1")
    with pytest.raises(ConfigError, match=r"device=mps finds no Apple GPU .*; write device=cpu"):
        inference_device("mps", CPU)
    machine(gpus=(8,))
    with pytest.raises(ConfigError, match=r"device=cuda:1 is beyond the 1 GPU .*; write device=cuda:0"):
        inference_device("cuda:1", CUDA)
    assert inference_device("cpu", CUDA) == CPU


@pytest.mark.parametrize(
    ("given", "name"),
    [("16-mixed", "16-mixed"), (16, "16-mixed"), ("bf16", "bf16-mixed"), (32, "32-true"), ("64", "64-true")],
)
def test_a_named_precision_stays_under_its_long_name(given, name):
    assert pick_precision(given, CUDA) == name
    assert pick_precision(None, CUDA) == "32-true"


def test_a_precision_the_device_lacks_is_one_sentence():
    with pytest.raises(ConfigError, match=r"needs a GPU.*write trainer.precision=bf16-mixed"):
        pick_precision("16-mixed", CPU)
    with pytest.raises(ConfigError, match=r"not possible on Apple GPUs; write trainer.precision=32-true"):
        pick_precision(64, MPS)
    assert pick_precision("16-mixed", MPS) == "16-mixed"


def test_half_precision_of_another_kind_of_device_is_not_taken_over():
    assert inference_precision("16-mixed", "cuda", CUDA) == "16-mixed"
    assert inference_precision("16-mixed", "cuda", CPU) == "32-true"
    assert inference_precision("bf16-true", "cpu", MPS) == "32-true"


def test_a_record_says_what_trained():
    assert trained_on({"trained_on": "cuda", "device": "cpu", "gpu": None}) == "cuda"
    assert trained_on({"device": "NVIDIA A10G", "gpu": "NVIDIA A10G"}) == "cuda"  # before the key
    assert trained_on({"device": "mps", "gpu": None}) == "mps"
