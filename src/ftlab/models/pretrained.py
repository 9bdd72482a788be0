"""Networks with a classification head: loaded, random, or without storage for checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PretrainedConfig, PreTrainedModel

from ftlab.models.architecture import read_config
from ftlab.models.load_options import read_load_options
from ftlab.models.weights import LoadedNet as LoadedNet
from ftlab.models.weights import load_net, meta_net
from ftlab.schema import ModelConfig


def load_classifier(
    cfg: ModelConfig,
    labels: Sequence[str],
    pad_token_id: int | None = None,
    load: Mapping[str, Any] | None = None,
) -> LoadedNet:
    """Return the network that ``cfg`` asks for, with a head for ``labels``.

    A head that the checkpoint lacks, or has for another number of labels, is drawn from torch's global generator; so
    is everything with ``init=random``. Seed it first. A causal language model gets a head on its last token: texts are
    padded on the right, and the padding token tells where they end.

    Args:
        cfg: the model.
        labels: names by number.
        pad_token_id: the tokenizer's (see `read_config`).
        load: how the base is held (`LoadOptions`); None: as it comes.

    Raises:
        ModelError: the weights cannot be had, cannot be read, or do not fit the configuration.
    """
    config = _labelled(read_config(cfg, len(labels), pad_token_id), labels)
    loaded, _ = load_net(cfg, config, "classification", read_load_options(load))
    return loaded


def meta_classifier(cfg: ModelConfig, labels: Sequence[str], pad_token_id: int | None = None) -> PreTrainedModel:
    """Return the same network on the meta device: parameters have shapes and no storage. For checks, in a moment.

    Raises:
        ModelError: the configuration cannot be had or does not build.
    """
    return meta_net(cfg, _labelled(read_config(cfg, len(labels), pad_token_id), labels), "classification")


def _labelled(config: PretrainedConfig, labels: Sequence[str]) -> PretrainedConfig:
    assert len(set(labels)) == len(labels), "label names are distinct; the data is checked before"
    config.id2label = dict(enumerate(labels))
    config.label2id = {name: number for number, name in enumerate(labels)}
    return config
