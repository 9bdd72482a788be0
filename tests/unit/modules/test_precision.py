import pytest
import torch

from ftlab.modules import precision
from ftlab.modules.precision import pick_accelerator, pick_device, pick_precision


@pytest.mark.parametrize(
    ("accelerator", "gpu_has_bf16", "cpu_has_bf16", "expected"),
    [
        ("cuda", True, False, "bf16-mixed"),
        ("cuda", False, True, "16-mixed"),
        ("mps", False, True, "32-true"),
        ("cpu", True, True, "bf16-mixed"),
        ("cpu", True, False, "32-true"),
    ],
)
def test_auto_takes_bf16_only_where_the_hardware_has_it(monkeypatch, accelerator, gpu_has_bf16, cpu_has_bf16, expected):
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: gpu_has_bf16 or including_emulation
    )
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: cpu_has_bf16)
    assert pick_precision("auto", accelerator) == expected


def test_a_named_precision_stays():
    assert pick_precision("16-mixed", "cpu") == "16-mixed"
    assert pick_precision(32, "cuda") == "32"


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_accelerator_follows_the_machine(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_accelerator("auto") == expected
    assert pick_device("auto", "auto").type == expected


def test_named_devices_win():
    assert pick_accelerator("gpu") == "cuda"
    assert pick_accelerator("cpu") == "cpu"
    assert pick_device("cpu", "gpu").type == "cpu"
