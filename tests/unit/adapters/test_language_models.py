"""Adapters on networks that write: GPT-2 with its Conv1D, Llama and its kin, output layers tied and untied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from peft import PeftModel
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from ftlab.adapters.anatomy import head_modules, head_parameters, is_tied, layer_stack, writes
from ftlab.adapters.freeze import add_freeze
from ftlab.adapters.full import add_full
from ftlab.adapters.head import add_head
from ftlab.adapters.lora import add_lora
from ftlab.adapters.none import add_none
from ftlab.adapters.targets import find_targets
from ftlab.errors import ModelError
from ftlab.paths import config_dir
from nets import outputs, train

Build = Callable[..., PreTrainedModel]
Trained = Callable[[nn.Module], set[str]]
KINDS = ["gpt2", "llama", "qwen2", "mistral"]
STACKS = {"gpt2": "transformer.h", "llama": "model.layers", "qwen2": "model.layers", "mistral": "model.layers"}
FINAL = {"gpt2": "transformer.ln_f.", "llama": "model.norm.", "qwen2": "model.norm.", "mistral": "model.norm."}


def meta_from_file(name: str) -> PreTrainedModel:
    numbers = yaml.safe_load((config_dir() / "model" / f"{name}.yaml").read_text(encoding="utf-8"))["architecture"]
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(AutoConfig.for_model(**numbers))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("distilgpt2", 6 * 8 * (768 + 3 * 768)),
        ("gpt2", 294_912),
        ("smollm2_135m", 30 * 8 * ((576 + 576) + (576 + 192))),
        ("qwen2.5_0.5b", 24 * 8 * ((896 + 896) + (896 + 128))),
        ("llama3.2_1b", 16 * 8 * ((2048 + 2048) + (2048 + 512))),
    ],
)
def test_lora_trains_exactly_rank_times_both_widths_of_query_and_value(name: str, expected: int) -> None:
    net = meta_from_file(name)
    total = sum(p.numel() for p in net.parameters())
    wrapped = add_lora(net, rank=8).net
    assert sum(p.numel() for p in wrapped.parameters() if p.requires_grad) == expected
    assert sum(p.numel() for p in wrapped.parameters()) == total + expected


@pytest.mark.parametrize("lm", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_the_task_tells_peft_what_the_output_is(build: Build, kind: str, lm: bool) -> None:
    net = build(kind, device="meta", lm=lm)
    assert writes(net) == lm
    config = add_lora(net).net.peft_config["default"]
    assert (config.task_type, config.fan_in_fan_out) == ("CAUSAL_LM" if lm else "SEQ_CLS", kind == "gpt2")
    assert set(config.modules_to_save or ()) & {"score", "lm_head"} == (set() if lm else {"score"})


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_parts_are_told_apart(build: Build, kind: str, tied: bool) -> None:
    net = build(kind, device="meta", lm=True, tie_word_embeddings=tied)
    assert (head_modules(net), head_parameters(net)) == ([], [])
    assert is_tied(net) == tied
    assert layer_stack(net)[0] == STACKS[kind]
    assert not is_tied(build(kind, device="meta"))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_fresh_lora_changes_no_output_and_leaves_the_base_alone(build: Build, kind: str, tied: bool) -> None:
    net = build(kind, lm=True, tie_word_embeddings=tied)
    before = outputs(net)
    base = {name: value.clone() for name, value in net.named_parameters()}
    wrapped = add_lora(net, dropout=0.0).net
    torch.testing.assert_close(outputs(wrapped), before, rtol=0, atol=0)
    train(wrapped, True, steps=1)
    assert not torch.equal(outputs(wrapped), before)
    now = {name.replace(".base_layer", ""): value for name, value in wrapped.named_parameters()}
    for name, value in base.items():
        assert torch.equal(now[f"base_model.model.{name}"], value), name


@pytest.mark.parametrize("targets", ["auto", "all-linear"])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_adapter_comes_back_and_merges_with_the_output_layer_tied_as_it_was(
    build: Build, kind: str, tied: bool, targets: str, tmp_path: Path
) -> None:
    wrapped = add_lora(build(kind, lm=True, tie_word_embeddings=tied), targets=targets, dropout=0.0).net
    train(wrapped, True, steps=1)
    expected = outputs(wrapped)
    wrapped.save_pretrained(tmp_path, save_embedding_layers=False)
    again = PeftModel.from_pretrained(build(kind, lm=True, tie_word_embeddings=tied), tmp_path)
    torch.testing.assert_close(outputs(again), expected, rtol=0, atol=0)
    merged = wrapped.merge_and_unload()
    torch.testing.assert_close(outputs(merged), expected, rtol=0, atol=1e-6)
    assert is_tied(merged) == tied


@pytest.mark.parametrize("kind", KINDS)
def test_an_embedding_that_is_the_output_layer_too_takes_no_update(build: Build, kind: str) -> None:
    name = "wte" if kind == "gpt2" else "embed_tokens"
    with pytest.raises(ModelError, match=rf"{name} of this {kind} is its output layer too .*type adapter.targets=auto"):
        add_lora(build(kind, device="meta", lm=True, tie_word_embeddings=True), targets=[name])
    add_lora(build(kind, device="meta", lm=True, tie_word_embeddings=False), targets=[name])


@pytest.mark.parametrize("kind", KINDS)
def test_the_output_layer_is_no_target(build: Build, kind: str) -> None:
    found = find_targets(build(kind, device="meta", lm=True, tie_word_embeddings=False), "all-linear")
    assert not any("lm_head" in name for name in found.layers)


@pytest.mark.parametrize("kind", KINDS)
def test_head_trains_an_output_layer_of_its_own_only(build: Build, trained: Trained, kind: str) -> None:
    net = build(kind, device="meta", lm=True, tie_word_embeddings=False)
    assert trained(add_head(net).net) == {"lm_head.weight"}
    with pytest.raises(ModelError, match=rf"this {kind}, whose output layer is its embedding; type adapter=lora"):
        add_head(build(kind, device="meta", lm=True, tie_word_embeddings=True))
    assert trained(add_head(build(kind, device="meta")).net) == {"score.weight"}


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("last_layers", [0, 1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_last_layers_train_with_the_final_norm(
    build: Build, trained: Trained, kind: str, last_layers: int, tied: bool
) -> None:
    net = build(kind, device="meta", lm=True, tie_word_embeddings=tied)
    prefixes = (FINAL[kind], *(f"{STACKS[kind]}.{number}." for number in range(2 - last_layers, 2)))
    assert trained(add_freeze(net, last_layers=last_layers).net) == {
        name for name, _ in net.named_parameters() if name.startswith(prefixes)
    }


def test_a_pattern_trains_the_output_layer(build: Build, trained: Trained) -> None:
    net = build("llama", device="meta", lm=True, tie_word_embeddings=False)
    assert trained(add_freeze(net, patterns=["lm_head"]).net) == {"lm_head.weight"}


@pytest.mark.parametrize("kind", KINDS)
def test_full_and_none(build: Build, trained: Trained, kind: str) -> None:
    net = build(kind, device="meta", lm=True)
    assert trained(add_none(net).net) == set()
    assert trained(add_full(net).net) == {name for name, _ in net.named_parameters()}
