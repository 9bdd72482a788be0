"""Data sheets, and this machine."""

import pytest
import torch

from ftlab.errors import ConfigError
from ftlab.planning import devices
from ftlab.planning.devices import device_names, find_device, larger_devices

SHEET = "kind: cuda\nmemory_gb: 48\nreserved_gb: 1\ntflops: {fp16: 150}\nbandwidth_gb_s: 900\n"


def test_every_sheet_says_where_and_when_its_numbers_were_read():
    assert set(device_names()) == {"t4_16gb", "a10g_24gb", "l4_24gb", "a100_40gb", "m3_max_64gb", "h100_80gb"}
    for name in device_names():
        sheet = find_device(name)
        assert sheet.source and sheet.date and sheet.bandwidth_gb_s and sheet.tflops["fp32"]
        assert f"{sheet.memory_gb:.0f}gb" in name
        assert 0 < sheet.available_mb < 1000 * sheet.memory_gb


def test_this_machine_has_the_memory_it_has_or_its_container_allows(tmp_path, monkeypatch):
    sheet = find_device("cpu")
    assert (sheet.kind, sheet.is_here) == ("cpu", True)
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(devices, "_LIMITS", (limit,))
    limit.write_text("max\n")
    assert find_device("cpu").memory_gb >= sheet.memory_gb
    limit.write_text("4000000000\n")
    assert find_device("cpu").memory_gb == 4.0


def test_auto_is_what_would_train():
    kind = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert find_device("auto").kind == kind


def test_larger_gpus_come_in_order():
    assert [sheet.name for sheet in larger_devices(find_device("l4_24gb"))] == ["a100_40gb", "h100_80gb"]


def test_a_sheet_of_the_users_own(tmp_path):
    path = tmp_path / "a6000.yaml"
    path.write_text(SHEET)
    sheet = find_device(str(path))
    assert (sheet.name, sheet.available_mb, sheet.tflops) == ("a6000", 47_000, {"fp16": 150.0})


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("[1, 2]", "is no data sheet; write its keys"),
        (SHEET + "memory: 3\n", "memory is no key of a data sheet; did you mean memory_gb"),
        (SHEET.replace("48", "much"), "memory_gb=much must be a number above 0"),
        (SHEET.replace("cuda", "tpu"), "kind=tpu must be one of cuda, mps, cpu"),
        (SHEET.replace("fp16", "fp12"), "tflops holds numbers by format"),
        (SHEET.replace("reserved_gb: 1", "reserved_gb: 50"), "leaves nothing of memory_gb=48; lower it"),
    ],
)
def test_a_bad_sheet_is_refused_with_what_to_write(tmp_path, text, remedy):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=remedy):
        find_device(str(path))


def test_an_unknown_device_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match=r"device=t4_61gb is not known; did you mean t4_16gb.*a10g_24gb"):
        find_device("t4_61gb")
    with pytest.raises(ConfigError, match=r"device=none.yaml is no file"):
        find_device("none.yaml")
