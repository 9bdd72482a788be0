"""A trained network written as a folder that plain transformers / peft load."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from peft import PeftModel
from torch import nn
from transformers import PreTrainedModel

from ftlab.adapters.anatomy import writes
from ftlab.models.about import About, write_about
from ftlab.models.adapter_file import BESIDE
from ftlab.models.architecture import Task
from ftlab.models.bare import bare_net, base_changed
from ftlab.models.causal import end_ids
from ftlab.models.digest import file_digest
from ftlab.models.family import Head
from ftlab.models.folder import Reference, weight_files
from ftlab.models.merging import merge_adapter
from ftlab.models.portable import is_taken_out, write_adapter
from ftlab.models.quantization import is_quantized
from ftlab.models.quiet import quiet
from ftlab.prompts.answers import AnswerFinder
from ftlab.prompts.chat import ChatTemplate
from ftlab.prompts.special import control_pattern, special_tokens

Form = Literal["full", "adapter"]
SetEnds = Callable[[PreTrainedModel], None]


@dataclass(frozen=True, slots=True)
class Base:
    """Where an adapter's folder finds its base."""

    name: str | None = None  # hub id; None: in a folder of its own beside the adapter
    revision: str | None = None  # commit of the hub repository
    load: Callable[[], PreTrainedModel] | None = None  # the base as it was before training, not quantised


def is_adapter(net: nn.Module) -> bool:
    """Return whether ``net`` carries separate adapter weights."""
    return isinstance(net, PeftModel)


def save_artefact(
    net: nn.Module,
    tokenizer: Any,  # noqa: ANN401 - transformers' tokenizers share no useful base class
    folder: Path,
    *,
    labels: list[str] | None,
    base: Base | None = None,
    template: ChatTemplate | None = None,
    prompt: Mapping[str, Any] | None = None,
    max_length: int | None = None,
    base_digest: str | None = None,
    adapter: str | None = None,
    load: Mapping[str, Any] | None = None,
) -> Form:
    """Write ``net`` so that plain transformers / peft load it.

    Args:
        net: a transformers network, or a PeftModel. A PeftModel with ``base=None`` is merged, which changes it.
        tokenizer: saved beside it.
        folder: made here.
        labels: names by number; None: the network writes texts.
        base: of the adapter's folder; None: save merged.
        template: of conversations, saved as the tokenizer's; None: the tokenizer keeps its own.
        prompt: that labels are asked for with, as data.
        max_length: tokens of a text in training.
        base_digest: of the weights before training; an adapter is then loaded on no others.
        adapter: name of the method.
        load: how the base is quantised; None: it is not.

    Returns:
        ``adapter`` or ``full``.
    """
    lm = writes(net.get_base_model() if isinstance(net, PeftModel) else net)
    assert lm or labels is not None, "what has no labels writes"
    task: Task = "causal_lm" if labels is None else "classification"
    head: Head = "lm" if lm else "classification"
    named = labels if lm else None
    about = About(task, head, named, prompt, _described(template), max_length, base_digest, adapter=adapter)
    folder.mkdir(parents=True)
    with _templated(tokenizer, template):
        tokenizer.save_pretrained(folder)
    ends = (lambda plain: _set_ends(plain, tokenizer, template)) if lm else None
    if isinstance(net, PeftModel) and base is not None:
        _save_apart(net, folder, base, dataclasses.replace(about, quantization=dict(load) if load else None), ends)
        if not lm:
            (folder / "labels.json").write_text(json.dumps(labels, ensure_ascii=False), encoding="utf-8")
        return "adapter"
    write_about(about, folder)
    _save_plain(merge_adapter(net), folder, ends)
    return "full"


def _save_apart(net: PeftModel, folder: Path, base: Base, about: About, set_ends: SetEnds | None) -> None:
    """Write the adapter and, where no hub id names its base, the base beside it."""
    write_adapter(net, folder, base.name or BESIDE, base.revision)
    if base.name is None:
        about = dataclasses.replace(about, base_digest=_save_base(net, base, folder / BESIDE, set_ends))
    write_about(about, folder)


def folder_size_mb(folder: Path) -> float:
    """Return the size of all files below ``folder`` in MB (1e6 bytes)."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _save_plain(net: PreTrainedModel, folder: Path, set_ends: SetEnds | None) -> None:
    """Write a plain folder; ``set_ends`` is for networks that write."""
    if set_ends is not None:
        set_ends(net)
    with quiet(), _caching(net, set_ends is not None):
        net.save_pretrained(folder)


def _save_base(net: PeftModel, base: Base, folder: Path, set_ends: SetEnds | None) -> str:
    """Write the base and return its digest.

    It is the one in memory, which no training changes, except where the method took something out of it or it is held
    in few bits: then it is loaded once more. What else of it has trained, beside the adapter, is written as trained.
    """
    if is_taken_out(net) or is_quantized(net):
        assert base.load is not None, "what is no more in memory must be loaded again"
        plain = base.load()
        plain.load_state_dict(base_changed(net), strict=False)
    else:
        plain = bare_net(net)
    _save_plain(plain, folder, set_ends)
    return file_digest(weight_files(folder, Reference("model.checkpoint", str(folder))))


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
