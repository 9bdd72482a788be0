from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.errors import ModelError
from ftlab.models.source import Source, find_here, find_source
from ftlab.schema import ModelConfig

COMMIT = "a" * 40


@pytest.fixture
def cached(own_hub_cache: Path, checkpoint: Callable[..., Path]) -> Path:
    """The hub model a/b in the cache, as huggingface_hub lays it out."""
    repository = own_hub_cache / "models--a--b"
    (repository / "snapshots").mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    return checkpoint("bert").rename(repository / "snapshots" / COMMIT)


def test_a_local_folder_comes_before_the_hub(tmp_path: Path) -> None:
    assert find_source(ModelConfig(name="x", checkpoint=str(tmp_path)), "config") == Source(tmp_path, "folder", None)


def test_a_cached_hub_model_is_found_offline_with_its_commit(cached: Path) -> None:
    cfg = ModelConfig(name="x", checkpoint="a/b")
    assert find_source(cfg, "weights") == find_here(cfg, "config") == Source(cached, "hub", COMMIT)


def test_a_cache_without_the_files_asked_for_is_no_source(cached: Path) -> None:
    (cached / "model.safetensors").unlink()
    cfg = ModelConfig(name="x", checkpoint="a/b")
    assert find_here(cfg, "weights") is None
    assert find_here(cfg, "tokenizer") is None
    with pytest.raises(ModelError, match=r"\(HF_HUB_OFFLINE is set\)"):
        find_source(cfg, "weights")


def test_nothing_is_here_for_a_model_without_checkpoint() -> None:
    assert find_here(ModelConfig(name="x"), "config") is None
    assert find_here(ModelConfig(name="x", checkpoint="not an id/!"), "config") is None
