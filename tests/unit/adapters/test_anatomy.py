from __future__ import annotations

from collections.abc import Callable

import pytest
from transformers import PreTrainedModel

from ftlab.adapters.anatomy import base_modules, head_modules, head_parameters, layer_stack, module_names
from ftlab.errors import ModelError

Build = Callable[..., PreTrainedModel]


@pytest.mark.parametrize(
    ("kind", "heads", "stack"),
    [
        ("bert", ["classifier"], "bert.encoder.layer"),
        ("distilbert", ["pre_classifier", "classifier"], "distilbert.transformer.layer"),
        ("roberta", ["classifier"], "roberta.encoder.layer"),
        ("modernbert", ["head", "classifier"], "model.layers"),
        ("gpt2", ["score"], "transformer.h"),
        ("xlnet", ["sequence_summary", "logits_proj"], "transformer.layer"),
        ("deberta-v2", ["pooler", "classifier"], "deberta.encoder.layer"),
        ("bart", ["classification_head"], "model.decoder.layers"),
    ],
)
def test_head_and_layers_are_told_apart(build: Build, kind: str, heads: list[str], stack: str) -> None:
    net = build(kind, device="meta")
    assert head_modules(net) == heads
    name, layers = layer_stack(net)
    assert (name, len(layers)) == (stack, 2)


@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta", "modernbert", "gpt2"])
def test_head_and_base_are_the_whole_net(build: Build, kind: str) -> None:
    net = build(kind, device="meta")
    head = dict(head_parameters(net))
    base = {f"{net.base_model_prefix}.{name}" for name, _ in net.base_model.named_parameters()}
    assert head.keys() | base == dict(net.named_parameters()).keys()
    assert not head.keys() & base
    assert all(name.startswith(f"{net.base_model_prefix}.") for name in base_modules(net))


def test_an_architecture_without_a_stack_names_the_other_way(build: Build) -> None:
    with pytest.raises(ModelError, match=r"no stack of layers in this albert; .*adapter\.patterns="):
        layer_stack(build("albert", device="meta"))


def test_module_names_are_cut_and_said_once(build: Build) -> None:
    assert module_names(build("bert", device="meta")) == [
        "bert.embeddings",
        "bert.encoder",
        "bert.pooler",
        "classifier",
    ]
