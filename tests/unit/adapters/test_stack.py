from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import nn
from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted, Member
from ftlab.adapters.bitfit import add_bitfit
from ftlab.adapters.freeze import add_freeze
from ftlab.adapters.layernorm import add_layernorm
from ftlab.adapters.lora import add_lora
from ftlab.adapters.stack import add_stack
from ftlab.errors import ModelError
from nets import outputs

Build = Callable[..., PreTrainedModel]
Trained = Callable[[nn.Module], set[str]]
IDS = torch.tensor([[5, 6, 7, 8, 9], [9, 8, 7, 6, 5]])
KINDS = ["bert", "distilbert", "roberta", "modernbert", "gpt2", "llama", "qwen2"]


def member(add: Any, rate: float = 1e-3, wraps: bool = False, **options: Any) -> Member:
    return Member(lambda net: add(net, **options), rate, wraps)


def members(**changed: Member) -> dict[str, Member]:
    return {
        "lora": member(add_lora, wraps=True, dropout=0.0),
        "dora": member(add_lora, wraps=True),
        "bitfit": member(add_bitfit),
        "layernorm": member(add_layernorm),
        "freeze": member(add_freeze, 1e-4, last_layers=1),
        **changed,
    }


def step(adapted: Adapted, lm: bool) -> None:
    groups = [{"params": group["params"]} for group in adapted.param_groups or []]
    optimizer = torch.optim.AdamW(groups, lr=0.01)
    adapted.net(input_ids=IDS, labels=IDS if lm else torch.tensor([0, 1])).loss.backward()
    optimizer.step()


def plain_names(net: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters by the names they had before anything was wrapped; those of the update, and copies, left out."""
    return {
        name.removeprefix("base_model.model.").replace(".base_layer", "").replace(".original_module", ""): p
        for name, p in net.named_parameters()
        if "lora_" not in name and "modules_to_save" not in name
    }


@pytest.mark.parametrize("lm", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_lora_with_norms_trains_what_both_train_and_merges_into_a_plain_network(
    build: Build, kind: str, lm: bool
) -> None:
    if lm and kind not in ("gpt2", "llama", "qwen2"):
        kind, lm = "electra", False
    net = build(kind, lm=lm)
    before, base = outputs(net), {name: p.clone() for name, p in net.named_parameters()}
    expected = {name for name, p in add_layernorm(build(kind, lm=lm)).net.named_parameters() if p.requires_grad}
    adapted = add_stack(net, stack=["layernorm", "lora"], members=members())
    assert adapted.unchanged and torch.equal(outputs(adapted.net), before)
    step(adapted, lm)
    now = plain_names(adapted.net)
    moved = {name for name, value in base.items() if not torch.equal(now[name], value)}
    trained = {name for name, p in now.items() if p.requires_grad}
    heads = expected - trained  # of which peft trains a copy
    assert moved and moved <= trained == expected - heads
    assert all(name.split(".")[0] in ("classifier", "score", "head", "pre_classifier") for name in heads)
    after = outputs(adapted.net)
    assert isinstance(adapted.net, PeftModel) and not torch.equal(after, before)
    merged = adapted.net.merge_and_unload()
    torch.testing.assert_close(outputs(merged), after, rtol=0, atol=1e-5)
    assert {name for name, _ in merged.named_parameters()} == set(base)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_each_trained_parameter_is_in_one_group(build: Build, trained: Trained, device: str) -> None:
    adapted = add_stack(build("bert", device), stack=["lora", "bitfit", "layernorm", "freeze"], members=members())
    names = {id(p): name for name, p in adapted.net.named_parameters()}
    assert adapted.param_groups is not None
    grouped = [names[id(p)] for group in adapted.param_groups for p in group["params"]]
    assert len(grouped) == len(set(grouped)) and set(grouped) == trained(adapted.net)


def test_rates_count_relative_to_the_first_and_the_first_that_names_a_parameter_has_it(build: Build) -> None:
    there = members(freeze=member(add_freeze, 1e-4, unfreeze_schedule=[0.5], layer_decay=0.5))
    adapted = add_stack(build("bert"), stack=["bitfit", "lora", "freeze"], members=there)
    assert adapted.param_groups is not None
    found = [(round(g["lr_scale"], 6), g.get("starts_at")) for g in adapted.param_groups]
    assert found == [(1.0, None), (1.0, None), (0.1, None), (0.05, 0.5)]
    biases, update, pooler, _ = ([tuple(p.shape) for p in g["params"]] for g in adapted.param_groups)
    assert all(len(shape) == 1 for shape in biases) and pooler == [(32, 32)]
    assert (3, 32) in update, "the head trains with what wraps"


def test_without_one_that_wraps_the_network_stays_plain(build: Build, trained: Trained) -> None:
    net = build("bert")
    adapted = add_stack(net, stack=["layernorm", "bitfit"], members=members())
    assert adapted.net is net
    both = trained(add_bitfit(build("bert")).net) | trained(add_layernorm(build("bert")).net)
    assert trained(net) == both


def test_callbacks_of_all_are_kept_and_one_that_changes_outputs_is_said(build: Build) -> None:
    def add_other(net: PreTrainedModel) -> Adapted:
        return Adapted(add_layernorm(net).net, callbacks=("watch",), unchanged=False)

    adapted = add_stack(build("bert"), stack=["bitfit", "other"], members=members(other=Member(add_other, 1.0, False)))
    assert adapted.callbacks == ("watch",) and not adapted.unchanged


@pytest.mark.parametrize(
    ("stack", "remedy"),
    [
        (["lora", "dora"], r"lora and dora both wrap layers, and a stack takes one of lora, dora, and with it any of "),
        (["lora", "dora", "bitfit"], r"type adapter\.stack=\[lora,bitfit\]$"),
        (["lroa"], r"lroa is none of its adapters; did you mean lora\? .*type adapter\.stack=\[lora,bitfit\]"),
        (["full", "lora"], r"full is none of its adapters .*any of bitfit, layernorm, freeze\); type"),
        (["lora", "bitfit", "lora"], r"names lora twice; type adapter\.stack=\[lora,bitfit\]"),
        ([], r"must be a list of names: .*type adapter\.stack=\[lora,bitfit\]"),
        ("lora", r"adapter\.stack=lora must be a list"),
    ],
)
def test_what_does_not_go_together_is_refused_and_changes_nothing(
    build: Build, trained: Trained, stack: Any, remedy: str
) -> None:
    net = build("bert", device="meta")
    before = trained(net)
    with pytest.raises(ModelError, match=remedy):
        add_stack(net, stack=stack, members=members())
    assert trained(net) == before


def test_a_member_that_does_not_fit_says_so_itself(build: Build) -> None:
    with pytest.raises(ModelError, match="this llama has none; type adapter=layernorm"):
        add_stack(build("llama", device="meta"), stack=["lora", "bitfit"], members=members())


def test_a_member_without_a_rate_is_refused(build: Build) -> None:
    with pytest.raises(ModelError, match=r"adapter\.bitfit\.learning_rate=0 must be above 0"):
        add_stack(build("bert"), stack=["bitfit"], members=members(bitfit=member(add_bitfit, 0.0)))
