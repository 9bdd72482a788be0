from __future__ import annotations

from collections.abc import Callable, Sequence

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
