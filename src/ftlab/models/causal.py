"""Causal language models: loaded, random, or without storage for checks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import GenerationConfig, PretrainedConfig, PreTrainedModel

from ftlab.models.architecture import read_config
from ftlab.models.folder import GENERATION, Reference, read_object
from ftlab.models.load_options import read_load_options
from ftlab.models.source import checkpoint_reference
from ftlab.models.weights import LoadedNet, load_net, meta_net
from ftlab.schema import ModelConfig

_ENDS = ("bos_token_id", "eos_token_id")


def load_causal_lm(
    cfg: ModelConfig, pad_token_id: int | None = None, load: Mapping[str, Any] | None = None
) -> LoadedNet:
    """Return the language model that ``cfg`` asks for, with the output it was trained with.

    ``init=random`` draws from torch's global generator: seed it first. Its ``config.use_cache`` is off, so that texts
    packed into one row cannot see each other by it; what generates asks for the cache. Of the checkpoint's generation
    settings only the ids of its special tokens are taken: nothing samples unless ``generation`` says so.

    Args:
        cfg: the model.
        pad_token_id: the tokenizer's.
        load: how the base is held (`LoadOptions`); None: as it comes.

    Raises:
        ModelError: the weights cannot be had, cannot be read, do not fit the configuration, lack the output layer, or
            are not a causal language model's.
    """
    config = read_config(cfg, pad_token_id=pad_token_id, task="causal_lm")
    loaded, source = load_net(cfg, config, "causal_lm", read_load_options(load))
    reference = None if source is None else checkpoint_reference(cfg)
    _set_generation(loaded.net, None if source is None else source.folder, reference)
    return loaded


def meta_causal_lm(cfg: ModelConfig, pad_token_id: int | None = None) -> PreTrainedModel:
    """Return the same network on the meta device: parameters have shapes and no storage. For checks, in a moment.

    Raises:
        ModelError: the configuration cannot be had or does not build.
    """
    return meta_net(cfg, read_config(cfg, pad_token_id=pad_token_id, task="causal_lm"), "causal_lm")


def end_ids(net: PreTrainedModel, tokenizer: Any) -> list[int]:  # noqa: ANN401 - transformers' tokenizers
    """Return the ids of the tokens that end a generated text: the tokenizer's, and those the checkpoint names."""
    named = getattr(net.generation_config, "eos_token_id", None)
    named = named if isinstance(named, list) else [named]
    found = {number for number in [tokenizer.eos_token_id, *named] if isinstance(number, int)}
    return sorted(found)


def _set_generation(net: PreTrainedModel, folder: Path | None, reference: Reference | None) -> None:
    """Take what ends a text from ``generation_config.json``, which may name more tokens than ``config.json``."""
    config: PretrainedConfig = net.config
    ids = {name: getattr(config, name, None) for name in _ENDS}
    if folder is not None and reference is not None and (folder / GENERATION).is_file():
        said = read_object(folder / GENERATION, reference)
        ids |= {name: said[name] for name in _ENDS if _are_ids(said.get(name))}
    # Written into the model's folder, so that plain transformers stops where ftlab does.
    untyped: Any = GenerationConfig
    net.generation_config = untyped(**ids, pad_token_id=config.pad_token_id)


def _are_ids(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_are_ids(number) for number in value)
    return isinstance(value, int) and not isinstance(value, bool)
