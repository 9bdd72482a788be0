from __future__ import annotations

import pytest
import torch

import nets
from ftlab.adapters.p_tuning import add_p_tuning
from ftlab.errors import ModelError


@pytest.mark.parametrize(("kind", "lm"), [("bert", False), ("modernbert", False), ("gpt2", True)])
def test_a_small_network_and_the_head_train_and_outputs_follow(kind: str, lm: bool) -> None:
    adapted = add_p_tuning(nets.tiny(kind, lm), tokens=5, hidden_size=8)
    base, before = nets.base_weights(adapted.net), nets.outputs(adapted.net)
    made = sum(p.numel() for name, p in adapted.net.named_parameters() if p.requires_grad and "prompt_encoder" in name)
    assert made == 5 * 32 + (32 * 8 + 8) + (8 * 8 + 8) + (8 * 32 + 32)
    nets.train(adapted.net, lm, lr=0.01)
    assert all(torch.equal(nets.base_weights(adapted.net)[name], value) for name, value in base.items())
    assert (nets.outputs(adapted.net) - before).abs().max() > 0.01


def test_a_head_called_head_leaves_the_small_network_alone() -> None:
    """ModernBERT's: peft would keep a copy of each part whose name ends like it."""
    names = [name for name, _ in add_p_tuning(nets.tiny("modernbert")).net.named_parameters()]
    assert not any("prompt_encoder" in name and "modules_to_save" in name for name in names)
    assert any(name.startswith("base_model.head.modules_to_save.default") for name in names)


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"tokens": -1}, r"adapter\.tokens=-1 must be a whole number from 1"),
        ({"hidden_size": 0}, r"adapter\.hidden_size=0 must be a whole number from 1; type adapter\.hidden_size=128"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, int], remedy: str) -> None:
    with pytest.raises(ModelError, match=remedy):
        add_p_tuning(nets.tiny("bert", device="meta"), **options)
