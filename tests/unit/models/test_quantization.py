from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AdaLoraConfig, IA3Config, LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ftlab.adapters.lora import add_lora
from ftlab.errors import ModelError
from ftlab.models.causal import load_causal_lm, meta_causal_lm
from ftlab.models.load_options import LoadOptions, read_load_options
from ftlab.models.merging import merge_adapter
from ftlab.models.pretrained import load_classifier, meta_classifier
from ftlab.models.quantization import (
    check_quantizable,
    count_parameters,
    dequantized,
    is_quantized,
    quantize_base,
    stored_bytes,
)
from ftlab.models.quantized_layers import EightBitLinear, FourBitLinear, QuantizedLinear
from ftlab.models.recompute import recompute_activations
from ftlab.schema import ModelConfig

SMALL = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 32, "intermediate_size": 48, "vocab_size": 60}
SHAPES: dict[str, dict[str, Any]] = {
    "bert": SMALL,
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48, "vocab_size": 60},
    "roberta": SMALL,
    "modernbert": {**SMALL, "pad_token_id": 0, "cls_token_id": 1, "sep_token_id": 2},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "vocab_size": 60},
    "llama": {**SMALL, "num_key_value_heads": 1},
    "qwen2": {**SMALL, "num_key_value_heads": 1},
}
KINDS = ("nf4", "fp4", "int8")
# Every architecture in the usual form; every form on a layer of each kind, Linear and Conv1D.
ALL = [*((kind, "nf4") for kind in SHAPES), ("bert", "int8"), ("gpt2", "int8"), ("gpt2", "fp4")]
IDS = torch.randint(5, 60, (3, 7), generator=torch.Generator().manual_seed(1))


def config(kind: str) -> ModelConfig:
    return ModelConfig(name=kind, init="random", dropout=0.0, architecture={"model_type": kind, **SHAPES[kind]})


def load(kind: str, quantization: str = "nf4", lm: bool = False, **options: Any) -> PreTrainedModel:
    """A random net whose base is held in few bits; ``none`` gives the same weights as they are."""
    torch.manual_seed(3)
    node = {"quantization": quantization, **options}
    if lm:
        return load_causal_lm(config(kind), 0, node).net
    return load_classifier(config(kind), ["a", "b", "c"], 0, node).net


def logits(net: nn.Module, ids: Tensor = IDS) -> Tensor:
    training = net.training
    net.eval()
    with torch.inference_mode():
        found: Tensor = net(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.float()
    net.train(training)
    return found.clone()


def train(net: nn.Module, steps: int = 2) -> None:
    optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=0.02)
    for _ in range(steps):
        out = net(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits
        nn.functional.cross_entropy(out.flatten(0, -2), torch.arange(out.flatten(0, -2).shape[0]) % 3).backward()
        optimizer.step()
        optimizer.zero_grad()


def held(net: nn.Module) -> dict[str, Tensor]:
    """Codes and scales by name, the adapter's wrappers left out."""
    return {name.replace("base_model.model.", "").replace("base_layer.", ""): b for name, b in net.named_buffers()}


@pytest.mark.parametrize(("kind", "quantization"), ALL)
def test_only_linear_layers_of_the_base_are_held_in_few_bits(kind: str, quantization: str) -> None:
    plain, net = load(kind, "none"), load(kind, quantization)
    prefix = f"{net.base_model_prefix}."
    for name, part in plain.named_modules():
        found = net.get_submodule(name)
        if name.startswith(prefix) and isinstance(part, (nn.Linear, Conv1D)):
            assert isinstance(found, QuantizedLinear) and found.training == part.training, name
            assert found.transposed == isinstance(part, Conv1D)
        else:
            assert type(found) is type(part), name
    untouched = dict(net.named_parameters())
    assert all(torch.equal(parameter, dict(plain.named_parameters())[name]) for name, parameter in untouched.items())
    assert not torch.equal(logits(net), logits(plain))
    torch.testing.assert_close(logits(net), logits(plain), rtol=0, atol=0.05)


@pytest.mark.parametrize(
    ("kind", "quantization", "lm"),
    [
        *((*each, False) for each in ALL if each[0] not in ("llama", "qwen2")),
        *((kind, "nf4", True) for kind in ("gpt2", "llama", "qwen2")),
    ],
)
def test_a_trained_net_computes_the_same_unpacked_and_merged(kind: str, lm: bool, quantization: str) -> None:
    net = add_lora(load(kind, quantization, lm), dropout=0.0, targets="all-linear").net
    before, base = logits(net), {name: tensor.clone() for name, tensor in held(net).items()}
    assert torch.equal(before, logits(load(kind, quantization, lm)))  # a fresh update is none
    train(net)
    expected = logits(net)
    assert not torch.allclose(expected, before, atol=1e-3)
    assert all(torch.equal(tensor, base[name]) for name, tensor in held(net).items())
    plain = dequantized(net)
    assert is_quantized(net) and not is_quantized(plain) and torch.equal(logits(net), expected)
    torch.testing.assert_close(logits(plain), expected, rtol=0, atol=1e-5)
    merged = merge_adapter(net)
    torch.testing.assert_close(logits(merged), expected, rtol=0, atol=1e-5)
    shapes = {name: p.shape for name, p in merged.state_dict().items()}
    assert shapes == {name: p.shape for name, p in load(kind, "none", lm).state_dict().items()}
    assert {p.dtype for p in merged.parameters()} == {torch.float32}


@pytest.mark.parametrize(("kind", "quantization"), [("bert", "int8"), ("gpt2", "nf4")])
@pytest.mark.parametrize("method", ["dora", "rslora", "adalora", "ia3"])
def test_other_methods_of_peft_train_and_merge(method: str, kind: str, quantization: str) -> None:
    targets = ["c_attn", "c_proj"] if kind == "gpt2" else ["query", "output.dense"]
    lora: dict[str, Any] = {"r": 4, "lora_dropout": 0.0, "target_modules": targets}
    settings: dict[str, Any] = {
        "dora": LoraConfig(use_dora=True, **lora),
        "rslora": LoraConfig(use_rslora=True, **lora),
        "adalora": AdaLoraConfig(total_step=10, tinit=1, tfinal=2, init_r=4, target_r=2, target_modules=targets),
        "ia3": IA3Config(target_modules=targets, feedforward_modules=targets[1:]),
    }
    net = get_peft_model(load(kind, quantization), settings[method])
    before = logits(net)
    train(net)
    expected = logits(net)
    assert not torch.allclose(expected, before, rtol=0, atol=1e-6)
    torch.testing.assert_close(logits(merge_adapter(net)), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("quantization", ["nf4", "int8"])
def test_biases_and_norms_train_on_a_base_in_few_bits(quantization: str) -> None:
    net = load("bert", quantization)
    net.requires_grad_(False)
    chosen = [p for name, p in net.named_parameters() if name.endswith("bias")]
    for parameter in chosen:
        parameter.requires_grad_(True)
    train(net)
    assert all(p.grad is None or p.grad.shape == p.shape for p in chosen)
    plain = dequantized(net)
    torch.testing.assert_close(logits(plain), logits(net), rtol=0, atol=1e-5)
    assert sum(p.requires_grad for p in plain.parameters()) == len(chosen)


@pytest.mark.parametrize("quantization", ["nf4", "int8"])
def test_gradients_are_those_of_the_unpacked_net(quantization: str) -> None:
    net = add_lora(load("bert", quantization), dropout=0.0, targets="all-linear").net
    plain = dequantized(net)
    for each in (net, plain):
        each(input_ids=IDS).logits.square().sum().backward()
    mine, theirs = ({n: p.grad for n, p in each.named_parameters() if p.grad is not None} for each in (net, plain))
    assert len(mine) == len([p for p in net.parameters() if p.requires_grad])
    for name, gradient in mine.items():
        torch.testing.assert_close(gradient, theirs[name], rtol=1e-4, atol=1e-6)


def test_recomputed_activations_change_no_gradient() -> None:
    net = add_lora(load("llama", lm=True), dropout=0.0).net
    again = copy.deepcopy(net)
    recompute_activations(again.get_base_model())
    for each in (net, again):
        each(input_ids=IDS).logits.square().mean().backward()
    for one, other in zip(net.parameters(), again.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None)
        if one.grad is not None:
            torch.testing.assert_close(other.grad, one.grad, rtol=0, atol=0)


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("quantization", KINDS)
def test_building_it_again_gives_the_same_bits_and_copies_are_apart(quantization: str, double: bool) -> None:
    options = {"double_quantization": double}
    net, again = load("bert", quantization, **options), load("bert", quantization, **options)
    other = copy.deepcopy(net)
    assert held(net).keys() == held(again).keys() == held(other).keys()
    for name, tensor in held(net).items():
        assert torch.equal(tensor, held(again)[name]) and torch.equal(tensor, held(other)[name])
    next(part for part in other.modules() if isinstance(part, QuantizedLinear)).codes.zero_()
    assert torch.equal(logits(net), logits(again)) and not torch.equal(logits(net), logits(other))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("quantization", ["nf4", "int8"])
def test_another_precision_leaves_the_base_what_it_is(quantization: str, dtype: torch.dtype) -> None:
    net = add_lora(load("bert", quantization), dropout=0.0).net
    exact, base = logits(net), {name: tensor.clone() for name, tensor in held(net).items()}
    net.to(dtype)
    for part in [part for part in net.modules() if isinstance(part, QuantizedLinear)]:
        assert all(tensor.dtype != dtype for tensor in part.buffers(recurse=False)) and part.bias.dtype == dtype
    assert all(torch.equal(held(net)[name], tensor) for name, tensor in base.items() if "position" not in name)
    torch.testing.assert_close(logits(net), exact, rtol=0, atol=1e-5 if dtype == torch.float64 else 0.05)
    if dtype != torch.float16:  # in which AdamW's own numbers vanish
        train(net, steps=1)
    torch.testing.assert_close(logits(dequantized(net).to(dtype)), logits(net), rtol=0, atol=0.02)


@pytest.mark.parametrize("quantization", ["nf4", "int8"])
def test_mixed_precision_computes_and_trains_as_plain_layers_do(quantization: str) -> None:
    net = add_lora(load("bert", quantization), dropout=0.0).net
    plain = dequantized(net)
    with torch.autocast("cpu", torch.bfloat16):
        train(net, steps=1)
        torch.testing.assert_close(logits(plain.eval()), logits(load("bert", quantization)), rtol=0, atol=0.02)
        layer = next(part for part in net.modules() if isinstance(part, QuantizedLinear))
        assert layer(torch.ones(1, layer.in_features)).dtype == torch.bfloat16
    assert {p.dtype for p in net.parameters()} == {torch.float32}


def test_products_are_computed_in_the_type_asked_for() -> None:
    exact, rough = load("bert"), load("bert", compute_dtype="bfloat16")
    layer = next(part for part in rough.modules() if isinstance(part, QuantizedLinear))
    assert layer(torch.ones(1, 32)).dtype == torch.float32
    assert 0 < (logits(exact) - logits(rough)).abs().max() < 0.05


@pytest.mark.parametrize("quantization", KINDS)
def test_a_layer_of_odd_sizes_and_zeros(quantization: str) -> None:
    weight = torch.randn(7, 5)
    weight[2] = 0
    layer = load_layer(weight, quantization)
    assert torch.equal(layer.weight[2], torch.zeros(5)) and torch.isfinite(layer.weight).all()
    assert (layer.weight - weight).abs().max() < (0.02 if quantization == "int8" else 0.8)
    assert layer(torch.ones(0, 5)).shape == (0, 7)
    zeros = load_layer(torch.zeros(4, 4), quantization)
    assert torch.equal(zeros(torch.ones(2, 4)), torch.zeros(2, 4))


def load_layer(weight: Tensor, quantization: str) -> QuantizedLinear:
    kind = EightBitLinear if quantization == "int8" else FourBitLinear
    return kind(weight, None, LoadOptions(quantization), transposed=False)


def test_double_quantisation_takes_less() -> None:
    sizes = [stored_bytes(load("bert", "nf4", double_quantization=double)) for double in (True, False)]
    assert sizes[0] != sizes[1]


@pytest.mark.parametrize(("quantization", "bits"), [("nf4", (4.1, 4.2)), ("fp4", (4.1, 4.2)), ("int8", (8, 8.2))])
def test_weights_count_as_weights_and_take_the_bytes_of_their_codes(
    quantization: str, bits: tuple[float, float]
) -> None:
    wide = {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 1}
    cfg = ModelConfig(name="b", init="random", architecture={"model_type": "bert", **SMALL, **wide})
    plain = load_classifier(cfg, ["a", "b"]).net
    net = load_classifier(cfg, ["a", "b"], load={"quantization": quantization}).net
    assert count_parameters(net) == count_parameters(plain) == sum(p.numel() for p in plain.parameters())
    in_few = sum(p.in_features * p.out_features for p in net.modules() if isinstance(p, QuantizedLinear))
    rest = 4 * (count_parameters(plain) - in_few)
    layers = sum(isinstance(p, QuantizedLinear) for p in net.modules())
    books = layers * 4 * (16 + 256 + 1) if quantization != "int8" else 0  # tables of code values
    low, high = bits
    assert low * in_few / 8 <= stored_bytes(net) - rest - books <= high * in_few / 8
    assert stored_bytes(plain) == 4 * count_parameters(plain)


def test_a_checkpoint_holds_nothing_of_the_base() -> None:
    net = load("bert")
    assert not any("codes" in name or "scales" in name for name in net.state_dict())
    assert {name for name, _ in net.named_parameters()} | {"bert.embeddings.position_ids"} >= set(net.state_dict())


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_nothing_is_quantised_on_the_meta_device(kind: str) -> None:
    net = meta_causal_lm(config(kind), 0) if kind == "gpt2" else meta_classifier(config(kind), ["a", "b"])
    check_quantizable(net, LoadOptions("nf4"))
    assert not is_quantized(net)
    here, there = ({n: tuple(p.shape) for n, p in add_lora(each).net.named_parameters() if "lora_" in n} for each in (
        net, load(kind, lm=kind == "gpt2")
    ))  # fmt: skip
    assert here == there


def test_fingerprints_tell_how_a_base_is_held() -> None:
    options = [LoadOptions(), LoadOptions("nf4"), LoadOptions("nf4", False), LoadOptions("fp4"), LoadOptions("int8")]
    found = [each.fingerprint("abc") for each in options]
    assert found[0] == "abc" and len(set(found)) == len(found)
    assert LoadOptions("nf4", compute_dtype="bfloat16").fingerprint("abc") == found[1]
    loaded = load_classifier(config("bert"), ["a", "b"], load={"quantization": "nf4"})
    assert loaded.fingerprint == loaded.load.fingerprint(loaded.weights_digest) != loaded.weights_digest
    assert (loaded.load.name, LoadOptions().name, LoadOptions().to_json()) == ("nf4", None, None)
    assert read_load_options(loaded.load.to_json()) == loaded.load


@pytest.mark.parametrize("node", [{"quantization": "int3"}, {"bits": 4}, {"double_quantization": 1}])
def test_options_from_a_file_are_held_to_those_there_are(node: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"is not known; train the run again with one of adapter\.load\.quantization"):
        read_load_options(node)


def test_a_missing_package_is_one_sentence_and_eight_bits_do_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(ModelError, match=r"type: pip install bitsandbytes==0\.50\.2"):
        load("bert", "nf4")
    with pytest.raises(ModelError, match="pip install"):
        check_quantizable(meta_classifier(config("bert"), ["a", "b"]), LoadOptions("nf4"))
    assert is_quantized(load("bert", "int8"))


def test_a_base_without_linear_layers_is_refused() -> None:
    net = load("bert", "none")
    net.bert.encoder = nn.Identity()  # type: ignore[assignment]
    net.bert.pooler = nn.Identity()  # type: ignore[assignment]
    with pytest.raises(ModelError, match="finds no linear layer in this bert; type"):
        quantize_base(net, LoadOptions("int8"))


def test_a_layer_that_stands_in_two_places_stays_one() -> None:
    net = load("bert", "none")
    layers: Any = net.bert.encoder.layer
    layers[1].output.dense = layers[0].output.dense
    quantize_base(net, LoadOptions("int8"))
    assert isinstance(layers[0].output.dense, QuantizedLinear) and layers[0].output.dense is layers[1].output.dense
    plain: Any = dequantized(net).bert.encoder.layer
    assert type(plain[0].output.dense) is nn.Linear and plain[0].output.dense is plain[1].output.dense


def test_a_checkpoint_file_loads_and_is_quantised(tmp_path: Path) -> None:
    load("llama", "none", lm=True).save_pretrained(tmp_path)
    folder = ModelConfig(name="x", checkpoint=str(tmp_path))
    loaded = load_causal_lm(folder, 0, {"quantization": "nf4"})
    assert torch.equal(logits(loaded.net), logits(load("llama", "nf4", lm=True)))
    assert loaded.weights_digest == load_causal_lm(folder, 0).weights_digest
