"""``adapter_config.json`` as data: what ftlab itself writes is taken over, anything else is refused.

peft imports modules that this file names (``auto_mapping``, ``megatron_core``), fetches what it points to
(``tokenizer_name_or_path``) and rewrites the base as it says (``init_lora_weights``), so it never sees the file itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peft import (
    IA3Config,
    LoraConfig,
    PeftConfig,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
)

from ftlab.errors import DataError, ModelError
from ftlab.models.family import Head
from ftlab.models.hub import is_commit, is_hub_id

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
BESIDE = "base"  # folder beside the adapter that holds the base, and its name in the file
_TASKS = {"classification": "SEQ_CLS", "lm": "CAUSAL_LM"}  # of a head
_IGNORED = ("base_model_name_or_path", "peft_version", "inference_mode", "revision")  # read apart, or not at all
_MOST = 1_000_000  # no number in the file is larger: a rank, a width or a count that would ask for all memory
Fits = Callable[[object], bool]


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MOST


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) and name for name in value)


def _is(wanted: object) -> Fits:
    return lambda value: value == wanted


@dataclass(frozen=True, slots=True)
class _Kind:
    make: type[PeftConfig]
    name: str  # in sentences
    options: Mapping[str, Fits]


_PROMPT = {
    "num_virtual_tokens": _whole,
    "token_dim": _whole,
    "num_transformer_submodules": _is(1),
    "num_attention_heads": _whole,
    "num_layers": _whole,
    "modules_to_save": _names,
}
_LAYERS = {"target_modules": _names, "exclude_modules": _names, "modules_to_save": _names, "fan_in_fan_out": _flag}
# Options that ftlab sets, with the values they may have. PiSSA, OLoRA and AdaLoRA are saved as plain LoRA.
_KINDS: dict[str, _Kind] = {
    "LORA": _Kind(
        LoraConfig,
        "LoRA",
        {
            **_LAYERS,
            "r": _whole,
            "lora_alpha": _number,
            "lora_dropout": _number,
            "use_rslora": _flag,
            "use_dora": _flag,
        },
    ),
    "IA3": _Kind(IA3Config, "IA3", {**_LAYERS, "feedforward_modules": _names}),
    "PROMPT_TUNING": _Kind(PromptTuningConfig, "prompt tuning", _PROMPT),
    "PREFIX_TUNING": _Kind(
        PrefixTuningConfig, "prefix tuning", {**_PROMPT, "encoder_hidden_size": _whole, "prefix_projection": _flag}
    ),
    "P_TUNING": _Kind(
        PromptEncoderConfig,
        "p-tuning",
        {
            **_PROMPT,
            "encoder_hidden_size": _whole,
            "encoder_num_layers": _whole,
            "encoder_dropout": _number,
            "encoder_reparameterization_type": lambda value: value in ("MLP", "LSTM"),
        },
    ),
}


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """What an adapter's folder says: its base, and how its weights are put on it."""

    base: str | None  # hub id, held to the same rules as any model.checkpoint; None: the base lies beside the adapter
    config: PeftConfig
    revision: str | None = None  # commit of the hub repository


def read_adapter(folder: Path, head: Head = "classification") -> AdapterFile:
    """Read and check the adapter in ``folder``, of a network with this head; its weights must be safetensors.

    Raises:
        DataError: the file is broken.
        ModelError: it is no adapter as ftlab writes it, its base is neither on the hub nor in the folder, or its
            weights are missing or pickled.
    """
    path = folder / CONFIG
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read ({error}); train the run again") from None
    base = raw.get("base_model_name_or_path") if isinstance(raw, dict) else None
    if not isinstance(base, str) or not base:
        raise DataError(f"{path} names no base model; train the run again")
    kind = _kind(path, raw)
    _check_keys(path, raw, kind, head)
    _check_base(folder, base)
    if not (folder / WEIGHTS).is_file():
        pickled = sorted(entry.name for entry in folder.glob("*.bin"))
        why = f"only {pickled[0]}, a pickle that can run code when read" if pickled else f"no {WEIGHTS}"
        raise ModelError(f"{folder} holds {why}; save the adapter as safetensors, or train the run again")
    options = {name: raw[name] for name in kind.options if raw.get(name) is not None}
    make: Any = kind.make
    config: PeftConfig = make(task_type=_TASKS[head], inference_mode=True, base_model_name_or_path=base, **options)
    revision = raw.get("revision")
    return AdapterFile(None if base == BESIDE else base, config, revision if is_commit(revision) else None)


def write_adapter_config(folder: Path, config: PeftConfig, base: str, revision: str | None) -> None:
    """Write ``config`` into ``folder`` with the base's hub id or ``BESIDE``, such that ``read_adapter`` takes it."""
    said = {key: sorted(value) if isinstance(value, set) else value for key, value in config.to_dict().items()}
    kind = _KINDS[str(getattr(config.peft_type, "value", config.peft_type))]
    defaults = _defaults(kind)
    kept = ("peft_type", "task_type", "peft_version", *kind.options)
    # How it was initialised is past, and would be done again by whoever loads it.
    said = {key: value if key in kept else defaults.get(key) for key, value in said.items()}
    said |= {"base_model_name_or_path": base, "revision": revision, "inference_mode": True}
    text = json.dumps(said, indent=2, sort_keys=True, default=lambda value: getattr(value, "value", None))
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")


def _kind(path: Path, raw: dict[str, Any]) -> _Kind:
    named = raw.get("peft_type")
    if not isinstance(named, str) or named not in _KINDS:
        raise ModelError(
            f"{path} sets peft_type={str(named)[:60]}, which ftlab never does and which may load code; train the run "
            "again"
        )
    return _KINDS[named]


def _check_keys(path: Path, raw: dict[str, Any], kind: _Kind, head: Head) -> None:
    defaults = _defaults(kind)
    for key, value in raw.items():
        if key in kind.options:
            fits = value is None or kind.options[key](value)
        elif key == "task_type":
            fits = value == _TASKS[head]
        else:
            fits = key in (*_IGNORED, "peft_type") or not value or value == defaults.get(key)
        if not fits:
            raise ModelError(
                f"{path} sets {key}={str(value)[:60]}, which ftlab's {kind.name} never does and which may load code; "
                "remove the key, or train the run again"
            )


def _check_base(folder: Path, base: str) -> None:
    if base == BESIDE:
        inside = (folder / BESIDE).resolve()
        if not inside.is_dir() or inside.parent != folder.resolve():
            raise ModelError(f"{folder} lacks its folder {BESIDE}, which holds the base model; copy the whole folder")
    elif not is_hub_id(base):
        raise ModelError(
            f"{folder / CONFIG} names the base model {base[:60]}, which is neither a hub id nor the folder {BESIDE} "
            "beside it, and ftlab follows no other path; train the run again"
        )


def _defaults(kind: _Kind) -> dict[str, Any]:
    make: Any = kind.make
    said: dict[str, Any] = make().to_dict()
    return {key: getattr(value, "value", value) for key, value in said.items()}
