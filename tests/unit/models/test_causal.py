from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from ftlab.errors import ModelError
from ftlab.models.causal import end_ids, load_causal_lm, meta_causal_lm
from ftlab.models.first_token import skip_unread
from ftlab.models.folder import GENERATION, WEIGHTS
from ftlab.models.positions import check_max_length
from ftlab.models.pretrained import load_classifier, meta_classifier
from ftlab.models.recompute import recompute_activations
from ftlab.paths import config_dir
from ftlab.schema import ModelConfig

Tiny = Callable[..., ModelConfig]
KINDS = ["gpt2", "llama", "qwen2", "mistral"]
IDS = torch.tensor([[5, 6, 7, 8]])
LABELS = ["oppose", "neutral", "support"]


def saved(tiny: Tiny, folder: Path, kind: str, **numbers: object) -> Path:
    torch.manual_seed(3)
    load_causal_lm(tiny(kind, architecture=numbers), 9).net.save_pretrained(folder)
    return folder


def folder_model(folder: Path, **options: str) -> ModelConfig:
    return ModelConfig(name="mine", checkpoint=str(folder), **options)  # type: ignore[arg-type]


def logits(net: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = net.eval()(input_ids=IDS).logits
    return found


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_comes_back_with_its_output_layer(tiny: Tiny, tmp_path: Path, kind: str, tied: bool) -> None:
    folder = saved(tiny, tmp_path, kind, tie_word_embeddings=tied)
    loaded = load_causal_lm(folder_model(folder), 9)
    net = loaded.net
    assert all(module.training for module in net.modules())
    assert (loaded.origin, net.name_or_path, net.config.pad_token_id) == ("folder", str(folder), 9)
    assert (net.get_output_embeddings().weight is net.get_input_embeddings().weight) == tied
    assert ("lm_head.weight" in load_file(folder / WEIGHTS)) == (not tied)
    plain = AutoModelForCausalLM.from_pretrained(folder)
    torch.testing.assert_close(logits(net), logits(plain), rtol=0, atol=0)


def test_weights_without_the_bases_name_are_read_as_the_hub_holds_gpt2s(tiny: Tiny, tmp_path: Path) -> None:
    folder = saved(tiny, tmp_path, "gpt2")
    expected = logits(load_causal_lm(folder_model(folder)).net)
    tensors = {name.removeprefix("transformer."): tensor for name, tensor in load_file(folder / WEIGHTS).items()}
    tensors |= {f"h.{layer}.attn.bias": torch.ones(1, 1, 8, 8) for layer in (0, 1)}  # old files hold the causal mask
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    torch.testing.assert_close(logits(load_causal_lm(folder_model(folder)).net), expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["lm_head.weight", "model.norm.weight"])
def test_an_output_layer_or_a_norm_is_never_drawn_at_random(tiny: Tiny, tmp_path: Path, name: str) -> None:
    folder = saved(tiny, tmp_path, "llama", tie_word_embeddings=False)
    tensors = load_file(folder / WEIGHTS)
    tensors.pop(name)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=rf"1 weights of the llama are missing \({name}\); give a complete checkpoint"):
        load_causal_lm(folder_model(folder))


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_an_encoder_does_not_write(tiny: Tiny, kind: str) -> None:
    with pytest.raises(ModelError, match=rf"model type {kind} does not write texts; .*such as a gpt2"):
        meta_causal_lm(tiny(kind))


def test_random_weights_follow_the_seed(tiny: Tiny) -> None:
    def digest(seed: int) -> str:
        torch.manual_seed(seed)
        return load_causal_lm(tiny("llama"), 0).weights_digest

    assert digest(1) == digest(1) != digest(2)


def test_nothing_is_cached_unless_asked_for_and_nothing_samples(tiny: Tiny, tmp_path: Path) -> None:
    folder = saved(tiny, tmp_path, "llama")
    said = {"do_sample": True, "temperature": 0.2, "repetition_penalty": 1.3, "eos_token_id": [7, 8], "bos_token_id": 1}
    (folder / GENERATION).write_text(json.dumps(said))
    net = load_causal_lm(folder_model(folder), 9).net.eval()
    assert net(input_ids=IDS).past_key_values is None
    settings = net.generation_config
    assert (settings.eos_token_id, settings.bos_token_id, settings.pad_token_id) == ([7, 8], 1, 9)
    assert not settings.do_sample and settings.temperature != 0.2 and settings.repetition_penalty != 1.3

    class Named:
        eos_token_id = 3

    assert end_ids(net, Named()) == [3, 7, 8]


def test_a_broken_generation_file_is_one_sentence(tiny: Tiny, tmp_path: Path) -> None:
    folder = saved(tiny, tmp_path, "llama")
    (folder / GENERATION).write_text("{")
    with pytest.raises(ModelError, match=r"generation_config\.json cannot be read .*download it again"):
        load_causal_lm(folder_model(folder))


@pytest.mark.parametrize("kind", KINDS)
def test_a_shape_has_an_end_of_text_only_where_it_is_given(tiny: Tiny, kind: str) -> None:
    net = load_causal_lm(tiny(kind), 0).net
    assert (net.config.eos_token_id, net.generation_config.eos_token_id) == (None, None)
    net = load_causal_lm(tiny(kind, architecture={"eos_token_id": 3}), 0).net
    assert (net.config.eos_token_id, net.generation_config.eos_token_id) == (3, 3)


def test_a_context_that_is_too_short_is_one_sentence(tiny: Tiny) -> None:
    cfg = tiny("gpt2", architecture={"n_positions": 64})
    config = meta_causal_lm(cfg).config
    check_max_length(cfg, config, 64)
    with pytest.raises(ModelError, match=r"max_length=65 is more than the 64 tokens .*type dataset\.max_length=64"):
        check_max_length(cfg, config, 65)


@pytest.mark.parametrize("kind", KINDS)
def test_layers_can_be_computed_again_with_the_same_gradients(tiny: Tiny, kind: str) -> None:
    found = []
    for again in (False, True):
        torch.manual_seed(3)
        net = load_causal_lm(tiny(kind), 9).net
        if again:
            recompute_activations(net)
        torch.manual_seed(4)  # of the dropout
        net(input_ids=IDS, labels=IDS).loss.backward()
        found.append(net.get_input_embeddings().weight.grad)
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)


# By hand: embedding + layers x (attention + feed-forward + norms) + final norm (+ output layer).
GPT2_LAYER = {768: 7_087_872, 1024: 12_596_224, 64: 49_984}  # 12 d^2 + 13 d
PARAMETERS = {
    "tiny_gpt": 2048 * 64 + 1024 * 64 + 2 * GPT2_LAYER[64] + 128,
    "smollm2_135m": 49152 * 576 + 30 * (2 * 576**2 + 2 * 192 * 576 + 3 * 576 * 1536 + 2 * 576) + 576,
    "distilgpt2": 50257 * 768 + 1024 * 768 + 6 * GPT2_LAYER[768] + 1536,
    "gpt2": 50257 * 768 + 1024 * 768 + 12 * GPT2_LAYER[768] + 1536,
    "gpt2_medium": 50257 * 1024 + 1024 * 1024 + 24 * GPT2_LAYER[1024] + 2048,
    "qwen2.5_0.5b": 151936 * 896
    + 24 * (2 * 896**2 + 896 + 2 * (128 * 896 + 128) + 3 * 896 * 4864 + 2 * 896)  # q, k and v have biases
    + 896,
    "llama3.2_1b": 128256 * 2048 + 16 * (2 * 2048**2 + 2 * 512 * 2048 + 3 * 2048 * 8192 + 2 * 2048) + 2048,
    "textbook_10b": 2 * 32000 * 4608 + 38 * (4 * 4608**2 + 3 * 4608 * 12288 + 2 * 4608) + 4608,
    "llama3_8b": 2 * 128256 * 4096 + 32 * (2 * 4096**2 + 2 * 1024 * 4096 + 3 * 4096 * 14336 + 2 * 4096) + 4096,
}
PUBLISHED = {
    "smollm2_135m": 134_515_008,
    "distilgpt2": 81_912_576,
    "gpt2": 124_439_808,
    "gpt2_medium": 354_823_168,
    "qwen2.5_0.5b": 494_032_768,
    "llama3.2_1b": 1_235_814_400,
    "llama3_8b": 8_030_261_248,
}


def model_file(name: str) -> ModelConfig:
    values = yaml.safe_load((config_dir() / "model" / f"{name}.yaml").read_text(encoding="utf-8"))
    values.pop("defaults")
    return ModelConfig(**{**values, "init": "random", "checkpoint": None})


def test_every_causal_model_file_is_counted_by_hand() -> None:
    files = (config_dir() / "model").glob("[!_]*.yaml")
    assert {path.stem for path in files if "_causal_lm" in path.read_text(encoding="utf-8")} == set(PARAMETERS)
    assert {name: PARAMETERS[name] for name in PUBLISHED} == PUBLISHED


@pytest.mark.parametrize("name", list(PARAMETERS))
def test_a_model_file_builds_the_published_number_of_parameters(name: str) -> None:
    net = meta_causal_lm(model_file(name))
    assert sum(parameter.numel() for parameter in net.parameters()) == PARAMETERS[name]
    assert {parameter.device.type for parameter in net.parameters()} == {"meta"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pad", [2, 9])
def test_a_classification_head_reads_the_last_token_before_the_padding(tiny: Tiny, kind: str, pad: int) -> None:
    net = load_classifier(tiny(kind), LABELS, pad_token_id=pad).net.eval()
    assert net.config.pad_token_id == pad
    assert skip_unread(net) is None
    short, padded = torch.tensor([[5, 2, 7]]), torch.tensor([[5, 2, 7, pad, pad]])
    with torch.inference_mode():
        expected = net(input_ids=short).logits
        found = net(input_ids=padded, attention_mask=torch.tensor([[1, 1, 1, 0, 0]])).logits
        torch.testing.assert_close(found, expected)
        assert not torch.allclose(net(input_ids=torch.tensor([[5, 2]])).logits, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_language_models_weights_carry_a_classification_head(tiny: Tiny, tmp_path: Path, kind: str) -> None:
    folder = saved(tiny, tmp_path, kind)
    written = load_causal_lm(folder_model(folder), 9).net
    net = load_classifier(folder_model(folder, head="classification"), LABELS, 9).net
    for (name, ours), (_, theirs) in zip(
        net.base_model.state_dict().items(), written.base_model.state_dict().items(), strict=True
    ):
        assert torch.equal(ours, theirs), name
    assert meta_classifier(folder_model(folder), LABELS, 9).config.num_labels == 3
