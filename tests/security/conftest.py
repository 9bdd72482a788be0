"""What the attacks need: a canary, one trained run to tamper with, a folder of configurations."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from security_canary import Canary
from small import SMALL

WORDS = [*SMALL, "trainer.max_epochs=1", "latency.enabled=false", "tracking=none"]


@pytest.fixture
def canary(tmp_path: Path) -> Canary:
    return Canary(tmp_path / "canary")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one small run; never changed, see ``run``."""
    from ftlab.launch import main

    outputs = tmp_path_factory.mktemp("outputs")
    assert main([*WORDS, f"output_dir={outputs}"]) == 0
    (record,) = outputs.glob("*/*/result.json")
    return record.parent


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained run, to tamper with."""
    return shutil.copytree(trained, tmp_path / "outputs" / "default" / trained.name)


@pytest.fixture
def killed(run: Path) -> list[str]:
    """Take the copied run's record away, as if it had been killed; return the words that go on with it."""
    (run / "result.json").unlink()
    return [*WORDS, f"resume={run}"]


@pytest.fixture
def groups(tmp_path: Path) -> Callable[..., list[str]]:
    """Write a file of a configuration folder; return the words that choose it."""

    def write(text: str, place: str = "experiment/e.yaml", choice: str = "experiment=e") -> list[str]:
        path = tmp_path / "groups" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return ["--config-dir", str(tmp_path / "groups"), choice]

    return write
