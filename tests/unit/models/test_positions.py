from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from transformers import AutoConfig

from ftlab.errors import ModelError
from ftlab.models.architecture import read_config
from ftlab.models.positions import check_max_length, max_positions
from ftlab.models.pretrained import load_classifier
from ftlab.schema import ModelConfig


@pytest.mark.parametrize("model_type", ["bert", "distilbert", "electra", "roberta", "xlm-roberta", "gpt2"])
@pytest.mark.parametrize("pad", [0, 3])
def test_the_last_position_computes_and_one_more_does_not(
    tiny: Callable[..., ModelConfig], model_type: str, pad: int
) -> None:
    cfg = tiny(model_type, architecture={"max_position_embeddings": 20})
    net = load_classifier(cfg, ["a", "b"], pad).net.eval()
    limit = max_positions(net.config)
    assert limit == (20 - pad - 1 if "roberta" in model_type else 20)
    with torch.inference_mode():
        assert net(input_ids=torch.full((1, limit), 7)).logits.shape == (1, 2)
        with pytest.raises((IndexError, RuntimeError)):
            net(input_ids=torch.full((1, limit + 1), 7))


def test_published_roberta_holds_512_tokens() -> None:
    assert max_positions(AutoConfig.for_model("roberta", max_position_embeddings=514)) == 512


def test_modernbert_holds_the_8192_tokens_it_was_made_for() -> None:
    assert max_positions(AutoConfig.for_model("modernbert")) == 8192


def test_deberta_v3_computes_beyond_its_nominal_length(tiny: Callable[..., ModelConfig]) -> None:
    relative = {"relative_attention": True, "position_biased_input": False, "pos_att_type": ["p2c", "c2p"]}
    shape = {"max_position_embeddings": 16, "position_buckets": 4, "share_att_key": True, "norm_rel_ebd": "layer_norm"}
    net = load_classifier(tiny("deberta-v2", architecture={**relative, **shape}), ["a", "b"]).net.eval()
    assert max_positions(net.config) is None
    with torch.inference_mode():
        assert net(input_ids=torch.arange(50)[None]).logits.isfinite().all()


def test_relative_positions_have_no_limit() -> None:
    assert max_positions(AutoConfig.for_model("t5")) is None
    assert max_positions(AutoConfig.for_model("xlnet")) is None
    assert max_positions(AutoConfig.for_model("deberta-v2", position_biased_input=False)) is None


def test_a_length_beyond_the_positions_is_answered_with_the_largest(tiny: Callable[..., ModelConfig]) -> None:
    cfg = tiny(architecture={"max_position_embeddings": 64})
    check_max_length(cfg, read_config(cfg), 64)
    with pytest.raises(ModelError, match=r"dataset\.max_length=65 .*64 tokens .*type dataset\.max_length=64$"):
        check_max_length(cfg, read_config(cfg), 65)


@pytest.mark.parametrize(("tokens", "remedy"), [(5, r"dataset\.max_length=59"), (64, r"adapter\.tokens=16")])
def test_virtual_tokens_take_places_of_the_text(tiny: Callable[..., ModelConfig], tokens: int, remedy: str) -> None:
    cfg = tiny(architecture={"max_position_embeddings": 64})
    check_max_length(cfg, read_config(cfg), 59, 5)
    with pytest.raises(ModelError, match=rf"and the {tokens} virtual tokens .* than the 64 tokens .*; type {remedy}$"):
        check_max_length(cfg, read_config(cfg), 60, tokens)
