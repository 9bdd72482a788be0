"""The smallest change that makes a training fit: each that is named does."""

import dataclasses

import pytest

from ftlab.planning.devices import find_device
from ftlab.planning.memory import memory_of
from ftlab.planning.remedies import find_remedy
from planned_cells import CUDA, LLAMA, LORA, cell

WIDE = {**LLAMA, "hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 24}  # layers outweigh a batch


def on(megabytes, request):
    sheet = dataclasses.replace(CUDA, memory_gb=megabytes / 1e3, reserved_gb=0.0)
    return dataclasses.replace(request, device=sheet)


def remedy(share, request, **changes):
    """Return the remedy on a device with ``share`` of what is needed."""
    on_cuda = on(1e6, request)
    return find_remedy(on(share * memory_of(on_cuda, 16).peak / 1e6, dataclasses.replace(request, **changes)))


def test_fewer_rows_at_a_time_come_first():
    assert remedy(0.9, cell(architecture=WIDE, rows=16, length=64, trainer={"precision": "bf16-true"})) == (
        "dataset.batch_size=auto"
    )


def test_an_effective_batch_of_another_size_is_kept():
    request = cell(architecture=WIDE, rows=24, length=64, trainer={"precision": "bf16-true"})
    on_cuda = on(1e6, request)
    tight = on(0.9 * memory_of(on_cuda, 24).peak / 1e6, request)
    assert find_remedy(tight) == "dataset.batch_size=auto dataset.effective_batch_size=24"


@pytest.mark.slow
def test_then_come_an_optimizer_an_adapter_and_few_bits():
    request = cell(architecture=WIDE, rows=16, trainer={"precision": "bf16-true"})
    found = [remedy(share, request) for share in (0.9, 0.8, 0.3, 0.08)]
    assert found[0].startswith(("optimizer=adamw8bit", "model.gradient_checkpointing", "dataset.batch_size"))
    assert found[1].startswith("optimizer=adamw8bit")
    assert found[2].startswith("adapter=lora")
    assert found[3].startswith("adapter=qlora")


def test_at_last_a_larger_device():
    request = cell(LORA, rows=16, alternatives={}, next_devices=(find_device("t4_16gb"), find_device("l4_24gb")))
    assert find_remedy(on(0.1, request)) == "device=t4_16gb"
    assert find_remedy(on(0.1, dataclasses.replace(request, next_devices=()))) is None


@pytest.mark.slow
def test_nothing_is_named_that_an_apple_gpu_lacks():
    request = on(20, cell(architecture=WIDE, rows=16))
    found = find_remedy(dataclasses.replace(request, device=dataclasses.replace(request.device, kind="mps")))
    assert found is None or ("8bit" not in found and "qlora" not in found)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.95, 0.6, 0.4])
def test_what_is_named_is_computed_to_fit(share):
    request = cell(architecture=WIDE, rows=16, length=64)
    tight = on(share * memory_of(on(1e6, request), 16).peak / 1e6, request)
    words = find_remedy(tight)
    changed = tight
    for word in words.split():
        key, _, value = word.partition("=")
        if key == "model.gradient_checkpointing":
            changed = dataclasses.replace(
                changed, model=dataclasses.replace(changed.model, gradient_checkpointing=True)
            )
        elif key == "optimizer":
            node = {"_target_": "bitsandbytes.optim.AdamW8bit"}
            changed = dataclasses.replace(changed, optimizer=node)
        elif key == "adapter":
            changed = dataclasses.replace(changed, adapter=tight.alternatives[value])
    rows = 1 if "dataset.batch_size=auto" in words else 16
    assert memory_of(changed, rows).peak <= tight.device.available_mb * 1e6
