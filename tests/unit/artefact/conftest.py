"""A hub cache of each test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants
from transformers import PreTrainedModel

from ftlab.models import hub

COMMIT = "0123456789" * 4


@pytest.fixture
def on_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[PreTrainedModel, str], Path]:
    """Put a network into the cache of the hub under an id, and return its folder; the hub itself is not reached."""
    cache = tmp_path / "cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "_answers", {})
    monkeypatch.setattr(hub, "_fetched", {})

    def put(net: PreTrainedModel, name: str) -> Path:
        repository = cache / f"models--{name.replace('/', '--')}"
        folder = repository / "snapshots" / COMMIT
        net.save_pretrained(folder)
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / "main").write_text(COMMIT)
        return folder

    return put
