"""Tiny shapes of four architectures, and a hub cache of each test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants

from ftlab.models import hub
from ftlab.models.pretrained import load_classifier
from ftlab.schema import ModelConfig

SHAPES: dict[str, dict[str, Any]] = {
    "bert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "roberta": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "modernbert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "xlm-roberta": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "electra": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "deberta-v2": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2},
    "llama": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "qwen2": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64},
    "mistral": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64},
}  # fmt: skip
for kind in ("qwen2", "mistral"):
    SHAPES[kind]["num_key_value_heads"] = 2
LABELS = ["oppose", "neutral", "support"]


@pytest.fixture(autouse=True)
def own_hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, nothing remembered of the hub, and no offline flag: each test says what the hub does."""
    cache = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "_answers", {})
    monkeypatch.setattr(hub, "_fetched", {})
    return cache


@pytest.fixture
def tiny() -> Callable[..., ModelConfig]:
    """A random model of two layers, width 32."""

    def make(model_type: str = "bert", **options: Any) -> ModelConfig:
        numbers = {"model_type": model_type, "vocab_size": 300, **SHAPES[model_type], **options.pop("architecture", {})}
        return ModelConfig(**{"name": f"tiny_{model_type}", "init": "random", "architecture": numbers, **options})

    return make


@pytest.fixture
def checkpoint(tmp_path: Path, tiny: Callable[..., ModelConfig]) -> Callable[..., Path]:
    """A folder saved by transformers, with a head for LABELS."""

    def save(model_type: str = "bert", labels: list[str] = LABELS, **numbers: Any) -> Path:
        torch.manual_seed(3)
        folder = tmp_path / f"saved_{model_type}"
        load_classifier(tiny(model_type, architecture=numbers), labels).net.save_pretrained(folder)
        return folder

    return save
