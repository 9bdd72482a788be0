"""A saved adapter put on its base: its weights must be those that its settings describe, all of them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.peft_model import PeftModelForCausalLM, PeftModelForSequenceClassification
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedModel

from ftlab.errors import ModelError
from ftlab.models.adapter_file import CONFIG, WEIGHTS, AdapterFile
from ftlab.models.quiet import quiet

_WRAPPERS: dict[str, Any] = {"SEQ_CLS": PeftModelForSequenceClassification, "CAUSAL_LM": PeftModelForCausalLM}


def attach_adapter(net: PreTrainedModel, folder: Path, file: AdapterFile) -> PeftModel:
    """Return ``net``, changed in place, with the adapter of ``folder`` on it, in eval mode and frozen.

    Args:
        net: the base.
        folder: of the adapter.
        file: as ``read_adapter`` gave it.

    Raises:
        ModelError: the weights cannot be read, or are not those of such an adapter on this base.
    """
    tensors = _read(folder)
    config: Any = file.config
    # Before anything is built: a number in the file must not take all memory.
    for key, size in _sizes(config, tensors).items():
        if getattr(config, key) != size:
            raise ModelError(_differ(folder, f"{key}={getattr(config, key)} in {CONFIG}, {size} in {WEIGHTS}"))
    try:
        with quiet(), warnings.catch_warnings():
            # peft reads a flag that transformers renamed: huggingface/peft, `PeftModel.__init__`.
            warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
            wrapped: PeftModel = _WRAPPERS[config.task_type](net, config, "default")
    except (ValueError, KeyError, TypeError, RuntimeError, AttributeError, AssertionError) as error:
        # What peft raises for layers that the base has not, and for sizes that do not go together.
        why = " ".join(str(error).split())[:200]
        raise ModelError(f"{folder / CONFIG} does not fit its base model ({why}); train the run again") from error
    wanted = get_peft_model_state_dict(wrapped, save_embedding_layers=False)
    for name in sorted({*wanted, *tensors}):
        here, there = (tuple(t.shape) if (t := held.get(name)) is not None else None for held in (wanted, tensors))
        if here != there:
            raise ModelError(_differ(folder, f"{name} should be {here or 'absent'}, is {there or 'absent'}"))
    with torch.no_grad():
        set_peft_model_state_dict(wrapped, tensors)
    wrapped.requires_grad_(False)
    return wrapped.eval()


def _read(folder: Path) -> dict[str, Tensor]:
    try:
        # Copied out of the mapping, whose odd addresses change the last bit of results.
        return {name: tensor.clone() for name, tensor in load_file(folder / WEIGHTS).items()}
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{folder / WEIGHTS} cannot be read ({error}); copy the folder again") from error


def _sizes(config: Any, tensors: dict[str, Tensor]) -> dict[str, int]:  # noqa: ANN401 - options of many kinds
    """Return the numbers of the settings that decide how much is built, as the weights have them."""
    kind = str(getattr(config.peft_type, "value", config.peft_type))
    if kind == "LORA":
        ranks = {t.shape[0] for name, t in tensors.items() if ".lora_A." in name or "lora_embedding_A" in name}
        return {"r": ranks.pop() if len(ranks) == 1 else 0}
    if kind == "IA3":
        return {}
    prompt = tensors.get("prompt_embeddings")
    if prompt is None or prompt.ndim != 2:
        return {"num_virtual_tokens": 0}
    layers = 2 * config.num_layers if kind == "PREFIX_TUNING" else 1
    return {"num_virtual_tokens": prompt.shape[0], "token_dim": prompt.shape[1] // layers}


def _differ(folder: Path, what: str) -> str:
    return f"{folder} does not hold the adapter that its {CONFIG} describes ({what}); copy it again, or train it again"
