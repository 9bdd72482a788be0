"""What the tests on GPUs share: a whole small run on the device that is here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from small import SMALL


@pytest.fixture
def cuda() -> torch.device:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA GPU on this machine")
    return torch.device("cuda", 0)


@pytest.fixture
def mps() -> torch.device:
    if not torch.backends.mps.is_available():
        pytest.skip("no Apple GPU on this machine")
    return torch.device("mps")


@pytest.fixture
def two_gpus(cuda: torch.device) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("one CUDA GPU on this machine, and this needs two")


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that trains with overrides and returns result.json."""

    def train(*words: str, place: str = "outputs") -> dict[str, Any]:
        from ftlab.launch import main

        small = [word for word in SMALL if not word.startswith("trainer=")]
        folder = tmp_path / place
        assert main([*small, "tracking=none", f"output_dir={folder}", *words]) == 0
        (record,) = folder.glob("default/*/result.json")
        found: dict[str, Any] = json.loads(record.read_text())
        return found

    return train
