"""How many processes an option names, and when there are too few GPUs for a strategy."""

import pytest
import torch

from ftlab.errors import ConfigError
from ftlab.processes.devices import UNKNOWN, named_devices, uneven
from ftlab.processes.plan import check_gpus, count_processes, strategy_name


def test_devices_are_counted_as_lightning_counts_them():
    assert [named_devices(d) for d in (1, "3", [2], [0, 3], "0,3", "[1,2,5]")] == [1, 3, 1, 2, 2, 3]
    assert [named_devices(d) for d in ("auto", -1, "-1")] == [UNKNOWN] * 3
    assert [named_devices(d) for d in (0, True, [], [1, 1], "x", "0,x", -2)] == [None] * 7


def test_the_nearest_batch_size_that_fits_is_named():
    assert uneven(15, 2).endswith("write dataset.batch_size=16")
    assert uneven(1, 4).endswith("write dataset.batch_size=4")


def test_one_process_per_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert count_processes({"devices": -1, "strategy": "ddp"}, "cuda", 16) == 4
    assert count_processes({"devices": "auto"}, "cpu", 16) == 1
    assert count_processes({"devices": 2}, "cpu", 16) == 2
    with pytest.raises(ConfigError, match=r"all 4 processes .* write dataset\.batch_size=16"):
        count_processes({"devices": -1}, "cuda", 18)
    assert [strategy_name({"strategy": s}, n) for s, n in (("ddp", 1), ("fsdp", 2), (None, 2))] == [
        "auto",
        "fsdp",
        "ddp",
    ]


@pytest.mark.parametrize(("devices", "meant"), [(-1, 1), ("-1", 1), ([0], 1), ([0, 1], 2), ("0,1,2", 3)])
def test_on_a_cpu_devices_are_a_number_of_processes(devices, meant):
    with pytest.raises(ConfigError, match=rf"this run is on the CPU.*; write trainer\.devices={meant}$"):
        count_processes({"devices": devices}, "cpu", 12)


def test_there_is_one_apple_gpu():
    assert [count_processes({"devices": d}, "mps", 12) for d in (1, "1", "auto", -1, [0])] == [1] * 5
    for devices in (2, [1], [0, 1], "0,1"):
        with pytest.raises(ConfigError, match=r"the one Apple GPU there is; write trainer\.devices=1"):
            count_processes({"devices": devices}, "mps", 12)


def test_strategies_for_gpus_name_the_one_that_works_without(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(
        ConfigError, match=r"strategy=fsdp shards the weights .* finds none here; write trainer=ddp_cpu"
    ):
        check_gpus({"strategy": "fsdp", "accelerator": "auto"})
    with pytest.raises(ConfigError, match=r"strategy=ddp trains on CUDA GPUs.* write trainer=ddp_cpu"):
        check_gpus({"strategy": "ddp", "accelerator": "gpu"})
    check_gpus({"strategy": "ddp", "accelerator": "cpu"})
    check_gpus({"accelerator": "gpu"})  # the sentence of one device
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    check_gpus({"strategy": "fsdp", "accelerator": "gpu"})


def test_a_process_of_another_launcher_is_told_to_do_without(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="without the launcher"):
        count_processes({"devices": 2}, "cpu", 16)
    assert count_processes({"devices": 1}, "cpu", 16) == 1
