"""none, full and head: which parameters train."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import nn
from transformers import PreTrainedModel

from ftlab.adapters.full import add_full
from ftlab.adapters.head import add_head
from ftlab.adapters.none import add_none

Build = Callable[..., PreTrainedModel]
Trained = Callable[[nn.Module], set[str]]
KINDS = ["bert", "distilbert", "roberta", "modernbert", "electra", "xlm-roberta", "deberta-v2"]
LINEAR_HEAD = {"classifier.weight", "classifier.bias"}
TWO_LAYERS = {f"classifier.{layer}.{part}" for layer in ("dense", "out_proj") for part in ("weight", "bias")}
HEADS = {
    "bert": LINEAR_HEAD,
    "distilbert": {"pre_classifier.weight", "pre_classifier.bias"} | LINEAR_HEAD,
    "roberta": TWO_LAYERS,
    "xlm-roberta": TWO_LAYERS,
    "electra": TWO_LAYERS,
    "deberta-v2": {"pooler.dense.weight", "pooler.dense.bias"} | LINEAR_HEAD,
    "modernbert": {"head.dense.weight", "head.norm.weight"} | LINEAR_HEAD,
}


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("kind", KINDS)
def test_none_trains_nothing(build: Build, trained: Trained, kind: str, device: str) -> None:
    net = build(kind, device)
    adapted = add_none(net, total_steps=10)
    assert (adapted.net, adapted.param_groups, adapted.callbacks) == (net, None, ())
    assert trained(net) == set()


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("kind", KINDS)
def test_full_trains_every_parameter(build: Build, trained: Trained, kind: str, device: str) -> None:
    net = build(kind, device)
    net.requires_grad_(False)
    assert trained(add_full(net, total_steps=None).net) == dict(net.named_parameters()).keys()


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("kind", KINDS)
def test_head_trains_the_whole_head_and_nothing_else(build: Build, trained: Trained, kind: str, device: str) -> None:
    assert trained(add_head(build(kind, device)).net) == HEADS[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_freezing_leaves_train_mode_alone(build: Build, kind: str) -> None:
    assert all(module.training for module in add_head(build(kind)).net.modules())
