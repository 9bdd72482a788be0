from __future__ import annotations

import copy

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

import nets
from ftlab.adapters.ia3 import add_ia3
from ftlab.errors import ModelError
from ftlab.models.merging import merge_adapter

CELLS = [("roberta", False), ("modernbert", False), ("gpt2", True), ("qwen2", True)]


@pytest.mark.parametrize(("kind", "lm"), CELLS)
def test_factors_of_one_change_no_output_and_trained_ones_merge(kind: str, lm: bool) -> None:
    net = nets.tiny(kind, lm)
    before = nets.outputs(net)
    adapted = add_ia3(net)
    assert adapted.unchanged
    torch.testing.assert_close(nets.outputs(adapted.net), before, rtol=0, atol=0)
    base = nets.base_weights(adapted.net)
    nets.train(adapted.net, lm)
    after = nets.base_weights(adapted.net)
    assert all(torch.equal(after[name], value) for name, value in base.items())
    expected = nets.outputs(adapted.net)
    assert (expected - before).abs().max() > 0.01
    merged = merge_adapter(copy.deepcopy(adapted.net))
    torch.testing.assert_close(nets.outputs(merged), expected, rtol=0, atol=2e-6)


def factors(net: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    """The factors of the first layer: of outputs (width, 1), of inputs (1, width)."""
    found = {n.split("layer")[-1]: tuple(p.shape) for n, p in net.named_parameters() if "ia3_l" in n}
    return {
        n.replace(".ia3_l.default", "").removeprefix("s")[3:]: s for n, s in found.items() if n.lstrip("s.")[0] == "0"
    }


def test_keys_values_and_the_inside_of_the_feed_forward_are_scaled_not_what_attention_gives() -> None:
    found = factors(add_ia3(nets.tiny("bert")).net)
    assert found == {"attention.self.key": (32, 1), "attention.self.value": (32, 1), "output.dense": (1, 64)}


@pytest.mark.parametrize(
    "kind",
    ["bert", "deberta-v2", "distilbert", "electra", "gpt2", "llama", "mistral", "modernbert", "qwen2", "roberta"],
)
def test_auto_finds_keys_values_and_one_feed_forward_layer_of_each_block(kind: str) -> None:
    with torch.device("meta"):
        net = AutoModelForSequenceClassification.from_config(AutoConfig.for_model(kind, num_hidden_layers=3))
    shapes = [tuple(p.shape) for name, p in add_ia3(net).net.named_parameters() if "ia3_l" in name]
    fused = kind in ("gpt2", "modernbert")
    assert sum(shape[0] == 1 for shape in shapes) == 3
    assert sum(shape[1] == 1 for shape in shapes) == (3 if fused else 6)


def test_an_architecture_beside_the_table_is_scaled_too() -> None:
    with torch.device("meta"):
        net = AutoModelForSequenceClassification.from_config(AutoConfig.for_model("mpnet", num_hidden_layers=2))
    shapes = [tuple(p.shape) for name, p in add_ia3(net).net.named_parameters() if "ia3_l" in name]
    assert len(shapes) == 6 and sum(shape[0] == 1 for shape in shapes) == 2


def test_own_targets_scale_outputs_unless_they_are_named_as_feed_forward() -> None:
    shapes = [
        {tuple(p.shape) for n, p in add_ia3(nets.tiny("bert"), **options).net.named_parameters() if "ia3_l" in n}
        for options in ({"targets": ["query"]}, {"targets": "query,intermediate.dense", "feed_forward": ["query"]})
    ]
    assert shapes == [{(32, 1)}, {(1, 32), (64, 1)}]


def test_factors_do_not_decay_to_zero_and_the_head_does_as_usual() -> None:
    groups = add_ia3(nets.tiny("bert")).param_groups
    assert groups is not None and [group.get("weight_decay") for group in groups] == [0.0, None]
    assert [len(group["params"]) for group in groups] == [6, 2]
    assert len(add_ia3(nets.tiny("llama", lm=True)).param_groups or []) == 1


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"targets": ["kye"]}, r"no layer is called kye; did you mean key\?"),
        (
            {"targets": ["key"], "feed_forward": ["dense"]},
            r"dense is none of the targets \(key\); type adapter\.targets=",
        ),
        ({"targets": ["word_embeddings"]}, r"is an embedding; type adapter\.targets=auto"),
    ],
)
def test_names_that_do_not_fit_are_refused(options: dict[str, object], remedy: str) -> None:
    with pytest.raises(ModelError, match=remedy):
        add_ia3(nets.tiny("bert", device="meta"), **options)  # type: ignore[arg-type]
