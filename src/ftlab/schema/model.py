"""Which network, and how it begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional


@dataclass
class ModelConfig:
    """Which network, from where. One YAML in ``conf/model`` each."""

    _target_: str = "ftlab.modules.classifier.ClassifierModule"
    name: str = "???"
    checkpoint: Optional[str] = None  # a hub id, or a local folder in the Hugging Face layout; None: random only
    revision: str = "main"  # of the hub repository
    embedded: Optional[str] = None  # importable package that carries the same weights
    tokenizer: Optional[str] = None  # a hub id, a folder, or "bytes" (bundled); None: the checkpoint's own
    init: str = "pretrained"  # pretrained, or random: built from `architecture`, no download
    head: str = "auto"  # auto, classification, or lm: a causal model writes, or labels by prompt, with its own output
    chat_template: Optional[str] = None  # plain, chatml, alpaca, llama2, or a .jinja file; None: the tokenizer's own
    dropout: Optional[float] = None  # every dropout of the network; None: the checkpoint's own
    attention: str = "sdpa"  # sdpa, eager, or flash (CUDA, half precision, and the package flash-attn)
    gradient_checkpointing: bool = False  # compute activations again in the backward pass: less memory, slower steps
    learning_rate: float = 5e-5  # of full fine-tuning; the other adapters have their own
    class_weights: Any = None  # None, "balanced", or one number per label
    label_smoothing: float = 0.0
    architecture: dict[str, Any] = field(default_factory=dict)  # transformers config numbers, for init=random
