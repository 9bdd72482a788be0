from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from torch import nn
from transformers import PreTrainedModel

from ftlab.adapters.freeze import add_freeze
from ftlab.errors import ModelError

Build = Callable[..., PreTrainedModel]
Trained = Callable[[nn.Module], set[str]]
ABOVE = {  # pooler, final norm and head: what trains with no layer at all
    "bert": ("bert.pooler.", "classifier."),
    "distilbert": ("pre_classifier.", "classifier."),
    "roberta": ("classifier.",),
    "modernbert": ("model.final_norm.", "head.", "classifier."),
    "gpt2": ("transformer.ln_f.", "score."),
    "deberta-v2": ("pooler.", "classifier."),
}
STACKS = {
    "bert": "bert.encoder.layer",
    "distilbert": "distilbert.transformer.layer",
    "roberta": "roberta.encoder.layer",
    "modernbert": "model.layers",
    "gpt2": "transformer.h",
    "deberta-v2": "deberta.encoder.layer",
}


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("last_layers", [0, 1, 2])
@pytest.mark.parametrize("kind", list(ABOVE))
def test_last_layers_train_with_all_that_stands_above_them(
    build: Build, trained: Trained, kind: str, last_layers: int, device: str
) -> None:
    net = build(kind, device)
    prefixes = (*ABOVE[kind], *(f"{STACKS[kind]}.{number}." for number in range(2 - last_layers, 2)))
    assert trained(add_freeze(net, last_layers=last_layers).net) == {
        name for name, _ in net.named_parameters() if name.startswith(prefixes)
    }


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_layer_numbers_are_whole_numbers(build: Build, trained: Trained, kind: str) -> None:
    net = add_freeze(build(kind, device="meta", num_hidden_layers=12), last_layers=1).net
    assert not any(f"{STACKS[kind]}.1." in name for name in trained(net))
    assert any(f"{STACKS[kind]}.11." in name for name in trained(net))


def test_shared_relative_positions_stay_frozen(build: Build, trained: Trained) -> None:
    net = build("deberta-v2", device="meta", relative_attention=True, position_buckets=4, norm_rel_ebd="layer_norm")
    names = trained(add_freeze(net, last_layers=0).net)
    shared = {
        name for name, _ in net.named_parameters() if name.startswith(("deberta.encoder.rel", "deberta.encoder.L"))
    }
    assert len(shared) == 3  # the table, and weight and bias of its norm
    assert not names & shared


@pytest.mark.parametrize(
    ("patterns", "prefixes"),
    [
        (["pooler"], ("bert.pooler.", "classifier.")),
        ("pooler", ("bert.pooler.", "classifier.")),
        ([r"layer\.1\.", "embeddings"], ("bert.encoder.layer.1.", "bert.embeddings.", "classifier.")),
        ([], ("classifier.",)),
    ],
)
def test_patterns_train_what_they_find_and_always_the_head(
    build: Build, trained: Trained, patterns: Sequence[str] | str, prefixes: tuple[str, ...]
) -> None:
    net = build("bert")
    assert trained(add_freeze(net, patterns=patterns).net) == {
        name for name, _ in net.named_parameters() if name.startswith(prefixes)
    }


@pytest.mark.parametrize("last_layers", [3, -1, 1.5, True])
def test_more_layers_than_there_are_is_refused(build: Build, last_layers: int) -> None:
    with pytest.raises(
        ModelError, match=r"must be between 0 and 2, the layers of this bert; type adapter\.last_layers=2"
    ):
        add_freeze(build("bert", device="meta"), last_layers=last_layers)


def test_a_pattern_that_matches_nothing_lists_what_is_there(build: Build) -> None:
    remedy = r"'poolr' matches no parameter of this bert; did you mean pooler\? .*bert\.encoder.*\[bert\.pooler\]$"
    with pytest.raises(ModelError, match=remedy):
        add_freeze(build("bert", device="meta"), patterns=["embeddings", "poolr"])


def test_a_pattern_that_is_none_is_refused(build: Build) -> None:
    with pytest.raises(ModelError, match=r"'\*pooler' is no regular expression .*adapter\.patterns=\[pooler\]"):
        add_freeze(build("bert", device="meta"), patterns=["*pooler"])


def test_a_refused_choice_changes_nothing(build: Build, trained: Trained) -> None:
    net = build("bert")
    before = trained(net)
    with pytest.raises(ModelError):
        add_freeze(net, patterns=["nothing"])
    assert trained(net) == before


def depths_of(net: nn.Module, groups: list[dict[str, Any]]) -> list[set[str]]:
    names = {id(p): name for name, p in net.named_parameters()}
    return [{names[id(p)] for p in group["params"]} for group in groups]


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("kind", list(ABOVE))
def test_a_schedule_groups_layers_from_the_top_with_all_above_them_first(
    build: Build, trained: Trained, kind: str, device: str
) -> None:
    net = build(kind, device)
    groups = add_freeze(net, unfreeze_schedule=[0.0, 0.5]).param_groups
    assert groups is not None
    assert [(g["lr_scale"], g.get("starts_at")) for g in groups] == [(1.0, None), (1.0, 0.0), (1.0, 0.5)]
    above, top, below = depths_of(net, groups)
    assert all(name.startswith(ABOVE[kind]) for name in above)
    assert all(name.startswith(f"{STACKS[kind]}.1.") for name in top)
    assert all(name.startswith(f"{STACKS[kind]}.0.") for name in below)
    assert above | top | below == trained(net), "all of it has a gradient from the beginning"


def test_a_schedule_is_as_long_as_layers_train(build: Build, trained: Trained) -> None:
    net = build("bert")
    add_freeze(net, last_layers=2, unfreeze_schedule=[0.25])
    assert not any(".layer.0." in name for name in trained(net))


def test_rates_fall_with_each_layer_down_to_the_embeddings(build: Build) -> None:
    net = build("bert")
    groups = add_freeze(net, patterns=["."], layer_decay=0.5).param_groups
    assert groups is not None
    assert [g["lr_scale"] for g in groups] == [1.0, 0.5, 0.25, 0.125]
    assert all(name.startswith("bert.embeddings.") for name in depths_of(net, groups)[-1])
    assert not any("starts_at" in group for group in groups)


@pytest.mark.parametrize("tied", [True, False])
def test_an_output_layer_lies_above_unless_it_is_the_embedding(build: Build, tied: bool) -> None:
    net = build("llama", lm=True, tie_word_embeddings=tied)
    groups = add_freeze(net, patterns=["."], layer_decay=0.5).param_groups
    assert groups is not None
    first, *_, last = depths_of(net, groups)
    assert first == ({"model.norm.weight"} if tied else {"model.norm.weight", "lm_head.weight"})
    assert last == {"model.embed_tokens.weight"}


def test_without_schedule_and_decay_there_are_no_groups(build: Build) -> None:
    assert add_freeze(build("bert"), last_layers=1).param_groups is None
    add_freeze(build("albert"), patterns=["pooler"])  # which has no stack of layers


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        (
            {"unfreeze_schedule": [0.0, 0.1, 0.2]},
            r"=\[0\.0,0\.1,0\.2\] starts 3 layers, and this bert has 2; type .*=\[0.0,0.1\]$",
        ),
        (
            {"unfreeze_schedule": [0.5, 0.25]},
            r"must be ascending shares .*; type adapter.unfreeze_schedule=\[0.0,0.25\]$",
        ),
        ({"unfreeze_schedule": [0.0, 1.0]}, "from 0 to below 1, one for each layer from the top; type"),
        ({"unfreeze_schedule": []}, "must be ascending shares"),
        ({"unfreeze_schedule": 0.5}, r"unfreeze_schedule=0\.5 must be"),
        ({"unfreeze_schedule": "linear"}, "unfreeze_schedule=linear must be"),
        ({"unfreeze_schedule": [True]}, "must be ascending shares"),
        ({"unfreeze_schedule": [0.0], "patterns": ["pooler"]}, "adapter.patterns names parameters; leave out one"),
        ({"layer_decay": 0}, "layer_decay=0 must be above 0 and at most 1; type adapter.layer_decay=1.0"),
        ({"layer_decay": 2.6}, "layer_decay=2.6 must be above 0"),
        ({"layer_decay": "x"}, "layer_decay=x must be"),
    ],
)
def test_a_schedule_that_does_not_fit_is_refused_and_changes_nothing(
    build: Build, trained: Trained, options: dict[str, Any], remedy: str
) -> None:
    net = build("bert", device="meta")
    before = trained(net)
    with pytest.raises(ModelError, match=remedy):
        add_freeze(net, **options)
    assert trained(net) == before


def test_a_network_without_a_stack_takes_neither(build: Build) -> None:
    with pytest.raises(
        ModelError, match=r"unfreeze_schedule finds no stack of layers in this albert; name what trains"
    ):
        add_freeze(build("albert", device="meta"), unfreeze_schedule=[0.0])
    with pytest.raises(ModelError, match=r"layer_decay finds no stack .*; type adapter\.layer_decay=1\.0"):
        add_freeze(build("albert", device="meta"), patterns=["pooler"], layer_decay=0.5)
