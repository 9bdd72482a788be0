"""A folder in the Hugging Face layout: what must lie in it, and what must not. Nothing heavy is imported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftlab.errors import ModelError

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
GENERATION = "generation_config.json"
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "bpe.codes",
    "chat_template.jinja",
)
# Each makes transformers fetch or choose code by what a file says (CVE-2026-4372, CVE-2026-5241).
_CODE_KEYS = (
    "auto_map",
    "trust_remote_code",
    "_attn_implementation",
    "_attn_implementation_internal",
    "_experts_implementation",
    "_experts_implementation_internal",
)
_LFS = b"version https://git-lfs"


@dataclass(frozen=True, slots=True)
class Reference:
    """What the user named: the key typed and its value. Sentences begin with it."""

    key: str  # model.checkpoint or model.tokenizer
    value: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


def local_folder(reference: Reference) -> Path | None:
    """Return the folder that ``reference`` names, or None where it can only be a hub id.

    Raises:
        ModelError: it is a file, or a path where nothing lies.
    """
    path = Path(reference.value).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise ModelError(
            f"{reference} is a file; give the folder that holds config.json: {reference.key}={path.parent}"
        )
    parts = reference.value.split("/")
    named = reference.value.isprintable() and "\\" not in reference.value
    if not named or len(parts) > 2 or not all(parts) or reference.value.startswith((".", "~")):
        raise ModelError(
            f"{reference} does not exist; give {reference.key}=<local folder>, or a hub id such as "
            "google-bert/bert-base-uncased"
        )
    return None


def read_config_file(folder: Path, reference: Reference, *, from_hub: bool = False) -> dict[str, Any]:
    """Return ``config.json`` as data, after refusing what would run code.

    Args:
        folder: where it lies.
        reference: what the user typed.
        from_hub: a hub repository may name remote code beside an architecture that transformers has; the code is then
            never fetched. A local folder that names any is refused.

    Raises:
        ModelError: no model lies there, the file is broken, or it asks for foreign code or quantised weights.
    """
    path = folder / "config.json"
    if (folder / "adapter_config.json").is_file():
        # transformers would follow the base that this file names, wherever it lies.
        raise ModelError(
            f"{reference} holds an adapter, not a model; give the base model it was trained on, or a merged copy"
        )
    if not path.is_file():
        raise ModelError(_no_config(folder, reference))
    raw = read_object(path, reference)
    _refuse_code(raw, path, reference, ("auto_map",) if from_hub else ())
    if not isinstance(raw.get("model_type"), str):
        raise ModelError(f"{reference}: {path.name} names no model_type; give a folder saved by transformers")
    if raw.get("quantization_config"):
        raise ModelError(f"{reference} holds quantised weights, which cannot be trained; give the unquantised model")
    return raw


def check_tokenizer_files(folder: Path, reference: Reference, *, from_hub: bool = False) -> None:
    """Raise ModelError unless ``folder`` holds a tokenizer that needs no foreign code."""
    if not has_tokenizer(folder):
        raise ModelError(
            f"{reference} holds no tokenizer ({_listing(folder)}); give one with model.tokenizer=<hub id or folder>"
        )
    for name in ("tokenizer_config.json", "config.json"):  # transformers reads both, if only to choose a class
        if (path := folder / name).is_file():
            _refuse_code(read_object(path, reference), path, reference, ("auto_map",) if from_hub else ())


def has_tokenizer(folder: Path) -> bool:
    """Return whether a vocabulary lies in ``folder``."""
    names = ("tokenizer.json", "vocab.txt", "vocab.json")
    return any((folder / name).is_file() for name in names) or any(folder.glob("*.model"))


def weight_files(folder: Path, reference: Reference) -> list[Path]:
    """Return the safetensors files that hold the weights, in a fixed order.

    Raises:
        ModelError: there are none, some are missing, or only pickled ones, which can run code when read.
    """
    if (folder / WEIGHTS).is_file():
        paths = [folder / WEIGHTS]
    elif (folder / WEIGHTS_INDEX).is_file():
        index = read_object(folder / WEIGHTS_INDEX, reference).get("weight_map")
        names = sorted({str(name) for name in index.values()}) if isinstance(index, dict) else []
        bad = [name for name in names if Path(name).name != name or not name.endswith(".safetensors")]
        if bad or not names:
            raise ModelError(f"{reference}: {WEIGHTS_INDEX} is no index of safetensors files; save the model again")
        paths = [folder / name for name in names]
    else:
        raise ModelError(_no_weights(folder, reference))
    for path in paths:
        if not path.is_file():
            raise ModelError(f"{reference} lacks {path.name}, which its index names; copy the whole folder")
        with path.open("rb") as file:
            if file.read(len(_LFS)) == _LFS:
                raise ModelError(
                    f"{reference}: {path.name} is a Git LFS pointer, not weights; run git lfs pull in the folder"
                )
    return paths


def has_weights(folder: Path) -> bool:
    """Return whether ``folder`` holds all its safetensors files."""
    try:
        return bool(weight_files(folder, Reference("model.checkpoint", str(folder))))
    except ModelError:
        return False  # the answer asked for; who needs the weights gets the sentence from weight_files


def _no_config(folder: Path, reference: Reference) -> str:
    if (folder / "model" / "config.json").is_file():  # a run folder of ours
        return f"{reference} holds no config.json, its folder model does; type {reference}/model"
    return f"{reference} holds no config.json ({_listing(folder)}); give a folder saved by transformers"


def _no_weights(folder: Path, reference: Reference) -> str:
    pickled = sorted(path.name for path in folder.glob("*.bin"))
    if pickled:
        return (
            f"{reference} holds only {pickled[0]}, a pickle that can run code when read; save the model as "
            "safetensors, or give another folder or hub id"
        )
    return (
        f"{reference} holds no {WEIGHTS} ({_listing(folder)}); give a folder saved by transformers, or type "
        "model.init=random"
    )


def _listing(folder: Path, limit: int = 6) -> str:
    names = sorted(path.name for path in folder.iterdir())
    more = f", and {len(names) - limit} more" if len(names) > limit else ""
    return f"found: {', '.join(names[:limit])}{more}" if names else "it is empty"


def read_object(path: Path, reference: Reference) -> dict[str, Any]:
    """Return a JSON file as data.

    Raises:
        ModelError: it is broken, or no object.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{reference}: {path.name} cannot be read ({error}); save or download it again") from None
    if not isinstance(raw, dict):
        raise ModelError(f"{reference}: {path.name} is no JSON object; save or download it again")
    return raw


def _refuse_code(raw: dict[str, Any], path: Path, reference: Reference, allowed: tuple[str, ...]) -> None:
    for key, value in _items(raw):
        if key in _CODE_KEYS and value and key not in allowed:
            raise ModelError(
                f"{reference}: {path.name} sets {key}, which would run code from outside; ftlab never does: remove the "
                "key, or give a model that transformers knows"
            )


def _items(raw: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    waiting: list[Any] = [raw]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield from value.items()
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
