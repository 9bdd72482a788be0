"""Names of machines."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
import torch

from ftlab.measure.device import cpu_model, device_name, environment, synchronizer

CPU = torch.device("cpu")
CUDA = torch.device("cuda", 0)


def test_cpu_and_apple_are_called_by_their_type() -> None:
    assert device_name(CPU) == "cpu"
    assert device_name(torch.device("mps")) == "mps"


def test_gpu_is_called_by_its_maker_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA A10G")
    assert device_name(CUDA) == "NVIDIA A10G"
    found = environment(CUDA)
    assert (found["device"], found["device_class"], found["gpu"]) == ("NVIDIA A10G", "a10g", "NVIDIA A10G")


def test_environment_names_every_part() -> None:
    found = environment(CPU)
    assert set(found) == {
        "python", "torch", "transformers", "peft", "lightning", "platform", "device", "device_class", "cpu", "cores",
        "gpu", "trained_on", "threads", "thread_source",
    }  # fmt: skip
    assert found["torch"] == metadata.version("torch")
    assert found["device"] == found["device_class"] == "cpu"
    assert found["gpu"] is None
    assert found["threads"] == torch.get_num_threads()
    assert found["trained_on"] == "cpu"
    assert all(value for key, value in found.items() if key not in ("gpu", "thread_source"))


def test_who_decided_on_the_threads_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FTLAB_THREADS", raising=False)
    assert environment(CPU)["thread_source"] is None  # used as a library
    monkeypatch.setenv("FTLAB_THREADS", "1 auto")
    assert environment(CPU)["thread_source"] == "auto"


def test_what_trained_is_recorded_beside_what_answers() -> None:
    assert environment(CPU, "cuda")["trained_on"] == "cuda"


def test_package_that_is_not_there_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> str:
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", missing)
    assert environment(CPU)["peft"] is None


def test_processor_is_named_as_linux_does(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: AMD EPYC 7B13\nmodel name\t: other\n")
    assert cpu_model(cpuinfo) == "AMD EPYC 7B13"


def test_processor_without_a_name_is_its_architecture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert cpu_model(tmp_path / "none") == "arm64"
    (tmp_path / "cpuinfo").write_text("CPU part : 0xd0c\n")
    assert cpu_model(tmp_path / "cpuinfo") == "arm64"


def test_only_devices_with_a_queue_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    wait = synchronizer(CUDA)
    assert wait is not None
    wait()
    assert waited == [CUDA]
    assert synchronizer(torch.device("mps")) is torch.mps.synchronize
    assert synchronizer(CPU) is None
