from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from transformers import PreTrainedModel

from ftlab.adapters.anatomy import base_modules, head_parameters
from ftlab.adapters.layernorm import add_layernorm
from ftlab.errors import ModelError

Build = Callable[..., PreTrainedModel]
Trained = Callable[[nn.Module], set[str]]
EXPECTED = {  # what the names of norms contain
    "bert": ("LayerNorm.",),
    "distilbert": ("sa_layer_norm.", "output_layer_norm.", "LayerNorm."),
    "roberta": ("LayerNorm.",),
    "deberta-v2": ("LayerNorm.",),
    "modernbert": ("attn_norm.", "mlp_norm.", "final_norm.", "embeddings.norm."),
    "gpt2": ("ln_1.", "ln_2.", "ln_f."),
    "llama": ("input_layernorm.", "post_attention_layernorm.", "model.norm."),
    "qwen2": ("input_layernorm.", "post_attention_layernorm.", "model.norm."),
}


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("kind", list(EXPECTED))
def test_norms_and_the_head_train(build: Build, trained: Trained, kind: str, device: str) -> None:
    net = build(kind, device)
    heads = {name for name, _ in head_parameters(net)}
    names = {name for name, _ in net.named_parameters() if any(part in name for part in EXPECTED[kind])}
    assert all(any(part in name for name in names) for part in EXPECTED[kind])
    adapted = add_layernorm(net, total_steps=10)
    assert trained(adapted.net) == names | heads
    assert adapted.unchanged and adapted.param_groups is None


def test_the_first_norm_of_modernbert_is_none(build: Build, trained: Trained) -> None:
    names = trained(add_layernorm(build("modernbert")).net)
    assert "model.layers.1.attn_norm.weight" in names
    assert not any(name.startswith("model.layers.0.attn_norm") for name in names)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen2"])
def test_a_language_model_trains_norms_alone(build: Build, trained: Trained, kind: str) -> None:
    net = build(kind, device="meta", lm=True)
    names = {name for name, _ in net.named_parameters() if any(part in name for part in EXPECTED[kind])}
    assert trained(add_layernorm(net).net) == names


def test_norms_without_weights_are_refused(build: Build) -> None:
    net = build("bert", device="meta")
    for part in base_modules(net).values():
        if isinstance(part, nn.LayerNorm):
            part.weight = part.bias = None  # type: ignore[assignment]
    with pytest.raises(ModelError, match="those of this bert have no weights; type adapter=lora"):
        add_layernorm(net)


def test_a_step_moves_norms_and_head_only(build: Build, trained: Trained) -> None:
    net = build("llama")
    before = {name: value.clone() for name, value in net.named_parameters()}
    add_layernorm(net)
    optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=0.01)
    net(input_ids=torch.tensor([[5, 6, 7], [7, 6, 5]]), labels=torch.tensor([0, 1])).loss.backward()
    optimizer.step()
    moved = {name for name, value in net.named_parameters() if not torch.equal(value, before[name])}
    assert moved == trained(net)
