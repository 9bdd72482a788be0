"""``adapter_config.json`` as data: what ftlab's own LoRA writes is taken over, anything else is refused.

peft imports modules that this file names (``auto_mapping``, ``megatron_core``) and loads what other kinds of adapters
point to, so it never sees the file itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peft import LoraConfig

from ftlab.errors import DataError, ModelError
from ftlab.models.family import Head

WEIGHTS = "adapter_model.safetensors"
# Options that ftlab sets, with the types they may have.
_OPTIONS: dict[str, tuple[type, ...]] = {
    "r": (int,),
    "lora_alpha": (int, float),
    "lora_dropout": (int, float),
    "target_modules": (list,),
    "modules_to_save": (list,),
    "fan_in_fan_out": (bool,),
}
_KINDS = {"classification": "SEQ_CLS", "lm": "CAUSAL_LM"}  # of a head, the task_type
_IGNORED = ("peft_version", "inference_mode", "revision")


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """What an adapter's folder says: its base, and how its weights are put on it."""

    base: str  # hub id or folder; held to the same rules as any model.checkpoint
    config: LoraConfig


def read_adapter(folder: Path, head: Head = "classification") -> AdapterFile:
    """Read and check the adapter in ``folder``, of a network with this head; its weights must be safetensors.

    Raises:
        DataError: the file is broken.
        ModelError: it is no LoRA as ftlab writes it, or its weights are missing or pickled.
    """
    path = folder / "adapter_config.json"
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read ({error}); train the run again") from None
    base = raw.get("base_model_name_or_path") if isinstance(raw, dict) else None
    if not isinstance(base, str) or not base:
        raise DataError(f"{path} names no base model; train the run again")
    _check_keys(path, raw, head)
    if not (folder / WEIGHTS).is_file():
        pickled = sorted(entry.name for entry in folder.glob("*.bin"))
        why = f"only {pickled[0]}, a pickle that can run code when read" if pickled else f"no {WEIGHTS}"
        raise ModelError(f"{folder} holds {why}; save the adapter as safetensors, or train the run again")
    options = {name: raw[name] for name in _OPTIONS if raw.get(name) is not None}
    return AdapterFile(base, LoraConfig(task_type=_KINDS[head], base_model_name_or_path=base, **options))


def _check_keys(path: Path, raw: dict[str, Any], head: Head) -> None:
    defaults = LoraConfig().to_dict()
    kinds = {"peft_type": "LORA", "task_type": _KINDS[head]}
    for key, value in raw.items():
        if key in _OPTIONS:
            fits = value is None or _fits(value, _OPTIONS[key])
        elif key in kinds:
            fits = value == kinds[key]
        else:
            fits = key == "base_model_name_or_path" or key in _IGNORED or not value or value == defaults.get(key)
        if not fits:
            shown = str(value)[:60]
            raise ModelError(
                f"{path} sets {key}={shown}, which ftlab's LoRA never does and which may load code; remove the key, or "
                "train the run again"
            )


def _fits(value: object, kinds: tuple[type, ...]) -> bool:
    if isinstance(value, list):
        return list in kinds and all(isinstance(name, str) for name in value)
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
