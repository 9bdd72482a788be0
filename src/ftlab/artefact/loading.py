"""A model folder read back. Nothing is unpickled, no code of it runs, and no base is taken for another."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ftlab.errors import DataError, ModelError
from ftlab.models.about import About, read_about
from ftlab.models.adapter_file import BESIDE, AdapterFile, read_adapter
from ftlab.models.architecture import Task
from ftlab.models.attached import attach_adapter
from ftlab.models.causal import load_causal_lm
from ftlab.models.embedded import package_of
from ftlab.models.pretrained import load_classifier
from ftlab.models.tokenizer import load_tokenizer, own_template
from ftlab.models.weights import LoadedNet
from ftlab.prompts.chat import ChatTemplate
from ftlab.schema import ModelConfig


@dataclass(frozen=True, slots=True)
class LoadedArtefact:
    """What a model folder holds."""

    net: nn.Module
    tokenizer: Any  # with the chat template it was trained with
    labels: list[str] | None  # None: it writes texts
    task: Task
    about: About
    template: ChatTemplate | None = None  # that it was taught with


def load_artefact(folder: Path, attention: str = "sdpa") -> LoadedArtefact:
    """Load what ``save_artefact`` wrote, to compute with ``attention``.

    Raises:
        DataError: ``folder`` is no such folder.
        ModelError: the adapter's base cannot be had or is another one; a file names code or holds pickled weights.
    """
    about = read_about(folder)
    config = ModelConfig(name=folder.name, checkpoint=str(folder), attention=attention)
    if about.head == "lm":
        config._target_ = "ftlab.modules.causal_lm.CausalLMModule"
    labels = about.labels if about.head == "lm" else _head_labels(folder)
    if not (folder / "adapter_config.json").is_file():
        tokenizer = load_tokenizer(config, str(folder)).tokenizer
        net: nn.Module = _load(config, about, labels, tokenizer.pad_token_id).net
    else:
        adapter = read_adapter(folder, about.head)
        tokenizer = load_tokenizer(config, str(folder)).tokenizer
        loaded = _load(_of_base(config, folder, adapter, about), about, labels, tokenizer.pad_token_id)
        _check_base(folder, adapter.base, loaded, about)
        net = attach_adapter(loaded.net, folder, adapter)
    return LoadedArtefact(net.eval(), tokenizer, labels, about.task, about, _template(tokenizer, about))


def _of_base(config: ModelConfig, folder: Path, adapter: AdapterFile, about: About) -> ModelConfig:
    if adapter.base is None:
        return dataclasses.replace(config, checkpoint=str(folder / BESIDE))
    package = package_of(adapter.base, about.base_digest)
    # A package stands for the repository's branch; else the very commit, which stays what it is.
    revision = adapter.revision if adapter.revision and not package else "main"
    return dataclasses.replace(config, checkpoint=adapter.base, embedded=package, revision=revision)


def _load(config: ModelConfig, about: About, labels: list[str] | None, pad_token_id: int) -> LoadedNet:
    if about.head == "lm":
        return load_causal_lm(config, pad_token_id, about.quantization)
    assert labels is not None, "a classification head has labels"
    return load_classifier(config, labels, pad_token_id, about.quantization)


def _head_labels(folder: Path) -> list[str]:
    if (folder / "adapter_config.json").is_file():
        return [str(label) for label in _read_json(folder / "labels.json")]
    names = _read_json(folder / "config.json").get("id2label")
    if not isinstance(names, dict):
        raise DataError(f"{folder}/config.json has no id2label, so it is no classifier; give a run that ftlab trained")
    return [str(names[key]) for key in sorted(names, key=int)]


def _check_base(folder: Path, base: str | None, loaded: LoadedNet, about: About) -> None:
    """Refuse other weights than those the adapter was trained on: a package may carry a model in fewer bits."""
    said, found = about.base_digest, loaded.weights_digest
    if said == found or (said is None and base is not None):
        return
    digests = f"(sha256 {str(said)[:12]}, found {found[:12]}"
    if base is None:
        raise ModelError(
            f"{folder / BESIDE} holds other weights than those the adapter beside it was trained on {digests}); copy "
            "the whole folder again, or train the run again"
        )
    raise ModelError(
        f"{folder} holds an adapter that was trained on other weights of {base} {digests} from the {loaded.origin}); "
        "install the package it was trained with, or train it again with adapter.merge=true"
    )


def _template(tokenizer: Any, about: About) -> ChatTemplate | None:  # noqa: ANN401
    source = own_template(tokenizer)
    if about.chat_template is None or source is None:
        return None
    said = about.chat_template
    return ChatTemplate(str(said.get("name")), source, str(said.get("sha256")), chosen=said.get("chosen") is True)


def _read_json(path: Path) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"{path} is missing, so {path.parent} is no complete model folder; train the run again"
        ) from None
    except ValueError as error:
        raise DataError(f"{path} is not valid JSON ({error}); train the run again") from None
