"""Tiny classifiers of four architectures, built by transformers alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, PreTrainedModel

SHAPES: dict[str, dict[str, Any]] = {
    "bert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "roberta": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "modernbert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "electra": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "xlm-roberta": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2},
    "llama": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "qwen2": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "mistral": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "albert": {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64},
    "xlnet": {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 64},
    "bart": {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2},
    "mpnet": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "deberta-v2": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
}
for decoder in ("llama", "qwen2", "mistral"):
    SHAPES[decoder]["num_key_value_heads"] = 1


@pytest.fixture
def build() -> Callable[..., PreTrainedModel]:
    """A random net in train mode: ``build("bert")``, ``build("bert", device="meta")``, ``build("gpt2", lm=True)``."""

    def make(kind: str, device: str = "cpu", lm: bool = False, **numbers: Any) -> PreTrainedModel:
        ids = {f"{name}_token_id": 0 for name in ("pad", "bos", "eos", "cls", "sep")}
        config = AutoConfig.for_model(kind, **{"vocab_size": 99, "num_labels": 3, **ids, **SHAPES[kind], **numbers})
        torch.manual_seed(5)
        with torch.device(device):
            return (AutoModelForCausalLM if lm else AutoModelForSequenceClassification).from_config(config)

    return make


@pytest.fixture
def trained() -> Callable[[torch.nn.Module], set[str]]:
    """The names of the parameters that train."""

    def names(net: torch.nn.Module) -> set[str]:
        return {name for name, parameter in net.named_parameters() if parameter.requires_grad}

    return names
