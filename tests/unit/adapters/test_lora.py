from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import PreTrainedModel

from ftlab.adapters.lora import add_lora
from ftlab.errors import ModelError
from nets import outputs, train

Build = Callable[..., PreTrainedModel]
KINDS = ["bert", "distilbert", "roberta", "modernbert", "gpt2"]


def test_lora_on_distilbert_trains_740355_of_67696134(build: Build) -> None:
    numbers = {"dim": 768, "n_layers": 6, "n_heads": 12, "hidden_dim": 3072, "vocab_size": 30522}
    net = build("distilbert", device="meta", **numbers)
    wrapped = add_lora(net, targets=["q_lin", "v_lin"], rank=8, alpha=16).net
    assert sum(p.numel() for p in wrapped.parameters() if p.requires_grad) == 740_355
    assert sum(p.numel() for p in wrapped.parameters()) == 67_696_134


@pytest.mark.parametrize("kind", KINDS)
def test_fresh_lora_changes_no_output(build: Build, kind: str) -> None:
    net = build(kind)
    before = outputs(net)
    torch.testing.assert_close(outputs(add_lora(net).net), before, rtol=0, atol=0)


@pytest.mark.parametrize("targets", ["auto", "all-linear"])
@pytest.mark.parametrize("kind", KINDS)
def test_update_and_head_train_and_the_base_stays_bit_identical(build: Build, kind: str, targets: str) -> None:
    net = build(kind)
    base = {name: value.clone() for name, value in net.base_model.named_parameters()}
    head = {n: p.clone() for n, p in net.named_parameters() if not n.startswith(f"{net.base_model_prefix}.")}
    wrapped = add_lora(net, targets=targets, dropout=0.0).net
    assert all(module.training for module in wrapped.modules())
    before = outputs(wrapped)
    train(wrapped, False, steps=1)
    assert not torch.equal(outputs(wrapped), before)
    now = dict(wrapped.named_parameters())
    for name, value in base.items():
        key = f"base_model.model.{net.base_model_prefix}.{name}"
        assert torch.equal(now[key] if key in now else now[".base_layer.".join(key.rsplit(".", 1))], value), name
    assert sum(".base_layer." in name for name in now) > 0
    for name, value in head.items():
        part, rest = name.split(".", 1)
        assert not torch.equal(now[f"base_model.model.{part}.modules_to_save.default.{rest}"], value), name


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_adapter_goes_onto_the_meta_device(build: Build, kind: str) -> None:
    real, meta = add_lora(build(kind)).net, add_lora(build(kind, device="meta")).net
    shapes = [{(n, p.shape, p.requires_grad) for n, p in net.named_parameters()} for net in (real, meta)]
    assert shapes[0] == shapes[1]
    assert {p.device.type for p in meta.parameters()} == {"meta"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_adapter_comes_back_from_its_folder_and_merges(build: Build, kind: str, tmp_path: Path) -> None:
    wrapped = add_lora(build(kind), dropout=0.0).net
    train(wrapped, False, steps=1)
    expected = outputs(wrapped)
    wrapped.save_pretrained(tmp_path, save_embedding_layers=False)
    again = PeftModel.from_pretrained(build(kind), tmp_path)
    torch.testing.assert_close(outputs(again), expected, rtol=0, atol=0)
    torch.testing.assert_close(outputs(wrapped.merge_and_unload()), expected, rtol=0, atol=1e-6)


def test_the_numbers_reach_the_adapter(build: Build) -> None:
    config = add_lora(build("bert"), targets=["key"], rank=4, alpha=2, dropout=0.25, total_steps=7).net.peft_config[
        "default"
    ]
    assert (config.r, config.lora_alpha, config.lora_dropout, config.target_modules) == (4, 2, 0.25, {"key"})


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"rank": 33}, r"adapter\.rank=33 is more than the 32 that bert\.encoder.*type adapter\.rank=8"),
        ({"rank": 0}, r"adapter\.rank=0 must be a whole number from 1; type adapter\.rank=8"),
        ({"rank": 1.5}, r"adapter\.rank=1\.5 must be a whole number"),
        ({"alpha": 0}, r"adapter\.alpha=0 must be above 0.*type adapter\.alpha=16"),
        ({"dropout": 1.0}, r"adapter\.dropout=1\.0 must be at least 0 and below 1; type adapter\.dropout=0\.1"),
        ({"targets": ["qurey"]}, r"did you mean query\?.*dense, key, query, value"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_net_is_touched(
    build: Build, options: dict[str, object], remedy: str
) -> None:
    net = build("bert", device="meta")
    names = [name for name, _ in net.named_modules()]
    with pytest.raises(ModelError, match=remedy):
        add_lora(net, **options)  # type: ignore[arg-type]
    assert [name for name, _ in net.named_modules()] == names
