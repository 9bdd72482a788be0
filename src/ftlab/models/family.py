"""What a model can be used for, told by its YAML alone. Nothing heavy is imported."""

from __future__ import annotations

from typing import Literal

from ftlab.schema import ModelConfig

Head = Literal["classification", "lm"]  # a head for labels, or the output a language model was trained with


def is_causal(cfg: ModelConfig) -> bool:
    """Return whether the model is a causal language model: its ``_target_`` ends in ``CausalLMModule``."""
    return cfg._target_.endswith("CausalLMModule")
