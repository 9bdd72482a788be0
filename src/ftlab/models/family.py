"""What a model can be used for, told by its YAML alone. Nothing heavy is imported."""

from __future__ import annotations

from typing import Literal

from ftlab.errors import ModelError
from ftlab.schema import ModelConfig

Head = Literal["classification", "lm"]


def is_causal(cfg: ModelConfig) -> bool:
    """Return whether the model is a causal language model: its ``_target_`` ends in ``CausalLMModule``."""
    return cfg._target_.endswith("CausalLMModule")


def head_of(cfg: ModelConfig, *, labelled: bool, prompted: bool) -> Head:
    """Return which output the model is to have.

    Args:
        cfg: the model.
        labelled: whether the data set is for classification.
        prompted: whether there is a prompt.

    Raises:
        ModelError: ``model.head`` and the rest do not go together.
    """
    causal = is_causal(cfg)
    if cfg.head == "lm" and not causal:
        raise ModelError(
            f"model.head=lm: model={cfg.name} reads texts and does not write them; type model=smollm2_135m"
        )
    if not labelled and not causal:
        raise ModelError(
            f"model={cfg.name} reads texts and does not write them, and the data set is one to write; type "
            "model=smollm2_135m, or dataset=policy_stance"
        )
    if not labelled and cfg.head == "classification":
        raise ModelError("model.head=classification needs a data set with labels; type model.head=lm")
    if cfg.head == "classification" and causal and prompted:
        raise ModelError(
            "model.head=classification has an output layer of its own, which answers no prompt; type prompt=none, or "
            "model.head=lm"
        )
    if cfg.head == "lm" and labelled and not prompted:
        raise ModelError(
            "model.head=lm labels a text by a prompt, and there is none; type prompt=zero_shot, or "
            "model.head=classification"
        )
    if cfg.head != "auto":
        return "lm" if cfg.head == "lm" else "classification"
    return "lm" if causal and (prompted or not labelled) else "classification"
