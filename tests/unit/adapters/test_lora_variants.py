"""rsLoRA, DoRA, PiSSA and OLoRA: what holds of each, on an encoder and on a decoder that writes."""

from __future__ import annotations

import copy

import pytest
import torch
from peft.tuners.lora import LoraLayer

import nets
from ftlab.adapters.lora import add_lora
from ftlab.errors import ModelError
from ftlab.models.merging import merge_adapter

CELLS = [("modernbert", False), ("gpt2", True), ("llama", True)]
ZERO_AT_FIRST = ["plain", "rslora", "dora"]
TAKEN_OUT = ["pissa", "olora"]
WORKING = [(v, *cell) for v in ZERO_AT_FIRST + TAKEN_OUT for cell in CELLS if (v, cell[0]) != ("olora", "gpt2")]


@pytest.mark.parametrize(("variant", "kind", "lm"), WORKING)
def test_a_fresh_update_changes_no_output(variant: str, kind: str, lm: bool) -> None:
    net = nets.tiny(kind, lm)
    before = nets.outputs(net)
    adapted = add_lora(net, variant=variant)
    assert adapted.unchanged == (variant in ZERO_AT_FIRST)
    rounding = 0.0 if adapted.unchanged else 1e-6
    torch.testing.assert_close(nets.outputs(adapted.net), before, rtol=0, atol=rounding)


@pytest.mark.parametrize(("variant", "kind", "lm"), WORKING)
def test_training_moves_only_what_trains_and_merging_changes_no_output(variant: str, kind: str, lm: bool) -> None:
    loaded = {name: value.clone() for name, value in nets.tiny(kind, lm).named_parameters()}
    wrapped = add_lora(nets.tiny(kind, lm), variant=variant, dropout=0.0).net
    before = nets.base_weights(wrapped)
    layers = {name for name, value in before.items() if not torch.equal(value, loaded[name])}
    assert bool(layers) == (variant in TAKEN_OUT)  # these lack what they began with, until it is added again
    nets.train(wrapped, lm)
    after = nets.base_weights(wrapped)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    expected = nets.outputs(wrapped)
    assert (expected - nets.outputs(nets.tiny(kind, lm))).abs().max() > 0.01
    merged = merge_adapter(copy.deepcopy(wrapped))
    torch.testing.assert_close(nets.outputs(merged), expected, rtol=0, atol=5e-6)


@pytest.mark.parametrize("variant", TAKEN_OUT)
def test_the_same_part_is_taken_out_whatever_was_drawn_before(variant: str) -> None:
    torch.manual_seed(1)
    first = add_lora(nets.tiny("bert"), variant=variant).net.state_dict()
    torch.manual_seed(2)
    second = add_lora(nets.tiny("bert"), variant=variant).net.state_dict()
    assert all(torch.equal(second[name], value) for name, value in first.items())


@pytest.mark.parametrize(("variant", "scale"), [("plain", 8 / 16), ("rslora", 8 / 4)])
def test_rslora_scales_by_the_root_of_the_rank(variant: str, scale: float) -> None:
    net = add_lora(nets.tiny("bert"), variant=variant, rank=16, alpha=8).net
    assert {layer.scaling["default"] for layer in net.modules() if isinstance(layer, LoraLayer)} == {scale}


def test_dora_trains_the_length_of_each_output() -> None:
    net = add_lora(nets.tiny("bert"), variant="dora").net
    lengths = [p for name, p in net.named_parameters() if "lora_magnitude_vector" in name]
    assert [(tuple(p.shape), p.requires_grad) for p in lengths] == [((32,), True)] * 4


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_olora_on_transposed_weights_names_what_can(device: str) -> None:
    with pytest.raises(ModelError, match=r"variant=olora does not fit this gpt2.*type adapter=pissa, adapter=dora"):
        add_lora(nets.tiny("gpt2", device=device), variant="olora")


@pytest.mark.parametrize("variant", TAKEN_OUT)
def test_what_is_taken_out_comes_from_linear_layers(variant: str) -> None:
    with pytest.raises(ModelError, match=r"word_embeddings of this bert is an embedding; type adapter\.targets=auto"):
        add_lora(nets.tiny("bert", device="meta"), variant=variant, targets=["word_embeddings"])


@pytest.mark.parametrize("variant", TAKEN_OUT)
def test_nothing_is_taken_out_of_weights_in_few_bits(variant: str) -> None:
    net = nets.tiny("bert")
    layer = net.bert.encoder.layer[0].attention.self.query
    layer.weight = torch.nn.Parameter(layer.weight.to(torch.uint8), requires_grad=False)
    with pytest.raises(
        ModelError, match=r"in few bits; type adapter\.variant=plain or adapter\.load\.quantization=none"
    ):
        add_lora(net, variant=variant)


def test_an_unknown_variant_lists_them() -> None:
    remedy = r"adapter\.variant=lorax is none of plain, rslora, dora, pissa, olora; type adapter\.variant=plain"
    with pytest.raises(ModelError, match=remedy):
        add_lora(nets.tiny("bert", device="meta"), variant="lorax")
