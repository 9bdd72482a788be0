from __future__ import annotations

import pytest
import torch

import nets
from ftlab.adapters.prefix_tuning import add_prefix_tuning
from ftlab.errors import ModelError


class Five:
    def __call__(self, text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        return {"input_ids": [11, 12, 13, 14, 15]}


@pytest.mark.parametrize("kind", nets.DECODERS)
def test_a_fresh_prefix_is_as_if_its_text_stood_before_each(kind: str) -> None:
    net = nets.tiny(kind, lm=True)
    before = torch.tensor([[11, 12, 13, 14, 15]] * 2)
    expected = nets.outputs(net, torch.cat([before, nets.IDS], dim=1))[:, 5:]
    found = nets.outputs(add_prefix_tuning(net, tokens=5, tokenizer=Five()).net)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert all(module.training for module in net.modules())


@pytest.mark.parametrize(("kind", "lm"), [("bert", False), ("roberta", False), ("llama", False), ("gpt2", True)])
def test_only_prefix_and_head_train_and_outputs_follow(kind: str, lm: bool) -> None:
    adapted = add_prefix_tuning(nets.tiny(kind, lm), tokens=5)
    base, before = nets.base_weights(adapted.net), nets.outputs(adapted.net)
    prefix = dict(adapted.net.named_parameters())["prompt_encoder.default.embedding.weight"]
    heads = {"llama": 1}.get(kind, 2)  # keys and values of llama's are shared by its heads
    assert prefix.shape == (5, 2 * 2 * heads * 16)
    nets.train(adapted.net, lm)
    assert all(torch.equal(nets.base_weights(adapted.net)[name], value) for name, value in base.items())
    assert (nets.outputs(adapted.net) - before).abs().max() > 0.01
    assert not adapted.unchanged


def test_a_text_is_read_alike_alone_and_beside_a_longer_one() -> None:
    net = add_prefix_tuning(nets.tiny("roberta"), tokens=5).net
    nets.train(net, lm=False)
    padded = torch.tensor([[5, 6, 7, nets.PAD, nets.PAD], [9, 8, 7, 6, 5]])
    found = nets.outputs(net, padded, (padded != nets.PAD).long())
    torch.testing.assert_close(found[:1], nets.outputs(net, padded[:1, :3]), rtol=0, atol=1e-6)


def test_an_encoder_begins_with_small_numbers() -> None:
    net = add_prefix_tuning(nets.tiny("bert"), tokens=64).net
    prefix = dict(net.named_parameters())["prompt_encoder.default.embedding.weight"]
    assert 0.08 < prefix.std() < 0.12


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("kind", ["distilbert", "modernbert"])
def test_layers_that_take_no_keys_and_values_are_refused_with_what_can(kind: str, device: str) -> None:
    remedy = (
        rf"those of {kind} do not take in transformers; type adapter=prompt_tuning, adapter=p_tuning or adapter=lora"
    )
    with pytest.raises(ModelError, match=remedy):
        add_prefix_tuning(nets.tiny(kind, device=device))
