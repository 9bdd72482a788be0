from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel

from ftlab.adapters.targets import AUTO, find_targets, linear_names
from ftlab.errors import ModelError

Build = Callable[..., PreTrainedModel]


@pytest.mark.parametrize("kind", sorted(AUTO))
def test_auto_names_attention_that_exists_in_every_layer(kind: str) -> None:
    config = AutoConfig.for_model(kind, num_hidden_layers=3)
    with torch.device("meta"):
        net = AutoModelForSequenceClassification.from_config(config)
    found = find_targets(net, "auto")
    assert found.names == list(AUTO[kind])
    assert len(found.layers) == 3 * len(AUTO[kind])


@pytest.mark.parametrize(
    ("kind", "names"), [("mpnet", ["q", "v"]), ("bart", ["q_proj", "v_proj"]), ("albert", ["query", "value"])]
)
def test_auto_finds_attention_in_architectures_it_does_not_list(build: Build, kind: str, names: list[str]) -> None:
    assert find_targets(build(kind, device="meta"), "auto").names == names


def test_auto_without_attention_layers_lists_the_linear_ones(build: Build) -> None:
    with pytest.raises(
        ModelError, match=r"no attention layers to name in this xlnet \(linear layers: layer_1, layer_2\)"
    ):
        find_targets(build("xlnet", device="meta"), "auto")


@pytest.mark.parametrize("targets", [["query", "value"], "query,value", "query , value"])
def test_names_may_be_a_list_or_one_string(build: Build, targets: list[str] | str) -> None:
    found = find_targets(build("bert", device="meta"), targets)
    assert found.names == ["query", "value"]
    assert len(found.layers) == 4


def test_a_longer_ending_narrows(build: Build) -> None:
    found = find_targets(build("bert", device="meta"), ["attention.output.dense", "word_embeddings"])
    assert len(found.layers) == 3


def test_an_expression_matches_whole_names(build: Build) -> None:
    found = find_targets(build("bert", device="meta"), r".*layer\.1\..*(query|key)")
    prefix = "bert.encoder.layer.1.attention.self"
    assert found.names == [f"{prefix}.query", f"{prefix}.key"]


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert", "modernbert", "gpt2"])
def test_all_linear_is_every_linear_layer_of_the_base(build: Build, kind: str) -> None:
    found = find_targets(build(kind, device="meta"), "all-linear")
    assert found.names == linear_names(build(kind, device="meta"))
    assert all(name.startswith(f"{build(kind, device='meta').base_model_prefix}.") for name in found.layers)


@pytest.mark.parametrize("targets", [["q_lin", "vlin"], "vlin"])
def test_an_unknown_name_lists_those_that_exist(build: Build, targets: list[str] | str) -> None:
    remedy = (
        r"no layer is called vlin; did you mean v_lin\? in this distilbert "
        r"\(linear layers: k_lin, lin1, lin2, out_lin, q_lin, v_lin\); type adapter\.targets=\[q_lin,v_lin\]"
    )
    with pytest.raises(ModelError, match=remedy):
        find_targets(build("distilbert", device="meta"), targets)


@pytest.mark.parametrize(
    ("targets", "why"),
    [
        (["attention"], "no layer is called attention"),  # a container
        (["classifier"], "no layer is called classifier"),  # the head trains anyway
        ([], "the list is empty"),
        (r".*self\.qury", "matches no whole name such as bert.embeddings.word_embeddings"),
        ("(query", "is no regular expression"),
    ],
)
def test_what_matches_no_layer_of_the_base_is_refused(build: Build, targets: list[str] | str, why: str) -> None:
    with pytest.raises(ModelError, match=rf"^adapter\.targets: .*{why}.*type adapter\.targets=\[query,value\]"):
        find_targets(build("bert", device="meta"), targets)
