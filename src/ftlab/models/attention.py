"""How a network computes attention: what the user asks for, and what its architecture and this machine have."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.utils.import_utils import is_flash_attn_2_available

from ftlab.errors import ModelError
from ftlab.models.architecture import Task, model_class
from ftlab.schema import ModelConfig

# Ours -> transformers'. Any other name would be looked for on the hub, and code fetched from there.
_AMPERE = 8  # compute capability: github.com/Dao-AILab/flash-attention#nvidia-cuda-support
_NAMES = {"sdpa": "sdpa", "eager": "eager", "flash": "flash_attention_2"}


def attention_of(cfg: ModelConfig, config: PretrainedConfig, task: Task = "classification") -> str:
    """Return transformers' name of the attention to build with: ``eager`` where the architecture has no ``sdpa``.

    Raises:
        ModelError: ``flash`` is asked for and the architecture or this machine has none.
    """
    assert cfg.attention in _NAMES, "read_config refuses other words"
    if cfg.attention == "flash":
        _check_flash(model_class(config, task), config)
    return _NAMES["eager" if _lacks_sdpa(cfg, config, task) else cfg.attention]


def attention_note(cfg: ModelConfig, config: PretrainedConfig, task: Task = "classification") -> str | None:
    """Return a sentence where another attention is used than the one asked for, else None."""
    if not _lacks_sdpa(cfg, config, task):
        return None
    return f"{config.model_type} has no sdpa attention in transformers; eager is used (model.attention=eager says so)"


def attention_used(net: nn.Module) -> str:
    """Return the attention of ``net``, bare or with an adapter around it: ``sdpa``, ``eager`` or ``flash``."""
    bare = next(part for part in net.modules() if isinstance(part, PreTrainedModel))
    used = str(bare.config._attn_implementation)
    return next(ours for ours, theirs in _NAMES.items() if theirs == used)


def _lacks_sdpa(cfg: ModelConfig, config: PretrainedConfig, task: Task) -> bool:
    return cfg.attention == "sdpa" and not getattr(model_class(config, task), "_supports_sdpa", False)


def _check_flash(kind: Any, config: PretrainedConfig) -> None:  # noqa: ANN401 - flags that transformers sets per class
    name = _NAMES["flash"]
    # Where a class lists kernels of its own instead, transformers would fetch them from the hub.
    listed = getattr(kind, "_compatible_flash_implementations", None) or (name,)
    if not getattr(kind, "_supports_flash_attn", False) or name not in listed:
        raise ModelError(
            f"model.attention=flash: model type {config.model_type} has no flash attention in transformers; type "
            "model.attention=sdpa"
        )
    if not torch.cuda.is_available():
        raise ModelError("model.attention=flash needs a CUDA GPU, and torch sees none; type model.attention=sdpa")
    if torch.version.hip is None and torch.cuda.get_device_capability()[0] < _AMPERE:
        raise ModelError(
            f"model.attention=flash needs an Ampere GPU or a newer one, and this is {torch.cuda.get_device_name()}; "
            "type model.attention=sdpa"
        )
    if not is_flash_attn_2_available():  # without it, transformers would look for a kernel on the hub
        raise ModelError(
            "model.attention=flash needs the package flash-attn; type pip install flash-attn --no-build-isolation, or "
            "model.attention=sdpa"
        )
