from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from transformers import PreTrainedModel

from ftlab.adapters.anatomy import head_parameters
from ftlab.adapters.bitfit import add_bitfit
from ftlab.errors import ModelError

Build = Callable[..., PreTrainedModel]
Trained = Callable[[nn.Module], set[str]]
IDS = torch.tensor([[5, 6, 7, 8, 9], [9, 8, 7, 6, 5]])


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta", "electra", "deberta-v2", "gpt2", "qwen2", "bart"])
def test_all_biases_and_the_head_train(build: Build, trained: Trained, kind: str, device: str) -> None:
    net = build(kind, device)
    names = {name for name, _ in net.named_parameters() if name.endswith("bias")}
    assert names - {name for name, _ in head_parameters(net)}, "the architecture has some"
    assert trained(add_bitfit(net, total_steps=10).net) == names | {name for name, _ in head_parameters(net)}


def test_a_language_model_trains_biases_alone(build: Build, trained: Trained) -> None:
    names = trained(add_bitfit(build("gpt2", lm=True)).net)
    assert names and all(name.endswith(".bias") for name in names)
    attention = {f"model.layers.{n}.self_attn.{x}_proj.bias" for n in (0, 1) for x in "qkv"}
    assert trained(add_bitfit(build("qwen2", lm=True)).net) == attention


def test_biases_of_another_name_count_and_tables_of_that_name_do_not(build: Build, trained: Trained) -> None:
    assert "transformer.layer.0.rel_attn.r_w_bias" in trained(add_bitfit(build("xlnet")).net)
    assert not any("relative_attention_bias" in name for name in trained(add_bitfit(build("mpnet")).net))


@pytest.mark.parametrize(("kind", "lm"), [("modernbert", False), ("llama", False), ("llama", True), ("mistral", True)])
def test_a_network_without_biases_is_refused_and_left_as_it_was(
    build: Build, trained: Trained, kind: str, lm: bool
) -> None:
    net = build(kind, device="meta", lm=lm)
    before = trained(net)
    with pytest.raises(ModelError, match=rf"this {kind} has none; type adapter=layernorm or adapter=lora"):
        add_bitfit(net)
    assert trained(net) == before


@pytest.mark.parametrize(("kind", "lm"), [("bert", False), ("qwen2", True)])
def test_a_step_moves_biases_and_nothing_else(build: Build, trained: Trained, kind: str, lm: bool) -> None:
    net = build(kind, lm=lm)
    before = {name: value.clone() for name, value in net.named_parameters()}
    adapted = add_bitfit(net)
    assert adapted.unchanged and adapted.param_groups is None
    optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=0.01)
    net(input_ids=IDS, labels=IDS if lm else torch.tensor([0, 1])).loss.backward()
    optimizer.step()
    moved = {name for name, value in net.named_parameters() if not torch.equal(value, before[name])}
    assert moved and moved <= trained(net)
