"""Every model of ``conf/model``: its size as published, and each family trained, saved and loaded again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from ftlab.adapters.anatomy import head_parameters
from ftlab.artefact import Base, load_artefact, save_artefact
from ftlab.build import build_adapter
from ftlab.command.composer import Composer
from ftlab.launch import main
from ftlab.models.pretrained import load_classifier, meta_classifier
from ftlab.models.recompute import recompute_activations
from ftlab.models.tokenizer import load_tokenizer
from ftlab.paths import config_dir
from ftlab.predictor import TorchPredictor
from ftlab.schema import ModelConfig
from small import SMALL

MODELS = sorted(  # those that write are counted beside their loader
    path.stem for path in (config_dir() / "model").glob("[!_]*.yaml") if "_causal_lm" not in path.read_text("utf-8")
)
LABELS = ["oppose", "neutral", "support"]
TEXTS = ["Build the tram.", "The vote is on Monday, after the second hearing of the committee.", "No."]
# Two layers of width 32, and the vocabulary of the bundled tokenizer.
SHRUNK = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
SHRUNK["vocab_size"] = 2048
FAMILIES = {
    "bert_tiny": SHRUNK,
    "deberta_v3_small": {**SHRUNK, "position_buckets": 8},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "vocab_size": 2048},
    "electra_small": {**SHRUNK, "embedding_size": 16},
    "modernbert_base": {**SHRUNK, "local_attention": 8},
    "roberta_base": SHRUNK,
    "xlm_roberta_base": SHRUNK,
}


ROUNDING = 1e-7  # loaded tensors lie at other addresses, which changes the order of sums


def transformer(
    width: int, layers: int, words: int, positions: int, segments: int, inner: int | None = None, table: int = 0
) -> int:
    """Parameters of the encoder all these share: embeddings with their norm, then attention and two linear layers.

    ``table`` is the width of the embeddings where a linear layer brings them to ``width``; 0: ``width``.
    """
    inner, at = inner or 4 * width, table or width
    embeddings = (words + positions + segments + 2) * at + (at * width + width if table else 0)
    layer = 4 * (width * width + width) + 2 * width * inner + inner + width + 4 * width
    return embeddings + layers * layer


def linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


# With a head for two labels. BERT's has a pooler; RoBERTa's, ELECTRA's, DeBERTa's and DistilBERT's a layer before the
# last. ModernBERT: no biases but the classifier's, a gated inner layer, and no norm before the first attention.
EXPECTED = {
    "bert_tiny": transformer(128, 2, 30522, 512, 2) + linear(128, 128) + linear(128, 2),
    "bert_mini": transformer(256, 4, 30522, 512, 2) + linear(256, 256) + linear(256, 2),
    "bert_small": transformer(512, 4, 30522, 512, 2) + linear(512, 512) + linear(512, 2),
    "bert_medium": transformer(512, 8, 30522, 512, 2) + linear(512, 512) + linear(512, 2),
    "bert_base": transformer(768, 12, 30522, 512, 2) + linear(768, 768) + linear(768, 2),
    "bert_large": transformer(1024, 24, 30522, 512, 2) + linear(1024, 1024) + linear(1024, 2),
    "minilm": transformer(384, 6, 30522, 512, 2) + linear(384, 384) + linear(384, 2),
    "tiny_bert": transformer(32, 2, 2048, 512, 2, inner=64) + linear(32, 32) + linear(32, 2),
    "distilbert": transformer(768, 6, 30522, 512, 0) + linear(768, 768) + linear(768, 2),
    "roberta_base": transformer(768, 12, 50265, 514, 1) + linear(768, 768) + linear(768, 2),
    "xlm_roberta_base": transformer(768, 12, 250002, 514, 1) + linear(768, 768) + linear(768, 2),
    "electra_small": transformer(256, 12, 30522, 512, 2, table=128) + linear(256, 256) + linear(256, 2),
    "deberta_v3_small": transformer(768, 6, 128100, 0, 0)
    + (2 * 256 + 2) * 768  # relative positions: a bucket for each distance both ways, and their norm
    + linear(768, 768)
    + linear(768, 2),
    "modernbert_base": (50368 + 1) * 768
    + 22 * (4 * 768 * 768 + 3 * 768 * 1152 + 2 * 768)
    - 768
    + 768  # the last norm
    + (768 + 1) * 768  # of the head, with its norm
    + linear(768, 2),
}
PUBLISHED = {  # millions, as the cards and papers say
    **{"bert_tiny": 4.4, "bert_mini": 11.2, "bert_small": 28.8, "bert_medium": 41.4, "bert_base": 109.5},
    **{"bert_large": 335.1, "minilm": 22.7, "distilbert": 67.0, "roberta_base": 124.6, "xlm_roberta_base": 278.0},
    **{"electra_small": 13.5, "deberta_v3_small": 141.9, "modernbert_base": 149.6},
}


def load(choice: str) -> Any:
    with Composer("train") as composer:
        return composer.load([choice])


def model_config(name: str) -> ModelConfig:
    model = OmegaConf.to_object(load(f"model={name}").cfg.model)
    assert isinstance(model, ModelConfig)
    return dataclasses.replace(model, init="random")


def test_every_model_has_its_size_stated() -> None:
    assert sorted(EXPECTED) == MODELS
    for name, millions in PUBLISHED.items():
        assert round(EXPECTED[name] / 1e6, 1) == millions, name


@pytest.mark.parametrize("name", MODELS)
def test_the_shape_has_the_published_number_of_parameters(name: str) -> None:
    net = meta_classifier(model_config(name), ["a", "b"])
    assert sum(parameter.numel() for parameter in net.parameters()) == EXPECTED[name]


@pytest.mark.parametrize(
    "adapter", ["full", "lora", *(pytest.param(name, marks=pytest.mark.slow) for name in ("head", "freeze"))]
)
@pytest.mark.parametrize("name", list(FAMILIES))
def test_a_family_trains_a_step_and_comes_back_from_its_folder(tmp_path: Path, name: str, adapter: str) -> None:
    model = model_config(name)
    model = dataclasses.replace(model, architecture={**model.architecture, **FAMILIES[name]})
    tokenizer = load_tokenizer(model, "bytes").tokenizer
    torch.manual_seed(1)
    bare = load_classifier(model, LABELS, tokenizer.pad_token_id).net
    net = build_adapter(load(f"adapter={adapter}").values["adapter"], bare, 1).net
    recompute_activations(bare)
    before = {key: parameter.detach().clone() for key, parameter in net.named_parameters()}

    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=0.01)
    torch.nn.functional.cross_entropy(net(**batch).logits, torch.tensor([0, 1, 2])).backward()
    optimizer.step()
    moved = {key for key, parameter in net.named_parameters() if not torch.equal(parameter, before[key])}
    assert moved <= {key for key, parameter in net.named_parameters() if parameter.requires_grad}
    heads = {key for key, _ in head_parameters(bare) if "original_module" not in key}
    assert heads <= {key.removeprefix("base_model.model.") for key in moved}, "the whole head trains under each adapter"

    device = torch.device("cpu")
    scores = TorchPredictor(net, tokenizer, LABELS, max_length=64, device=device).score(TEXTS)
    if adapter == "lora":
        assert save_artefact(net, tokenizer, tmp_path / "adapter", labels=LABELS, base=Base()) == "adapter"
        _assert_scores(tmp_path / "adapter", scores, ROUNDING)
    save_artefact(net, tokenizer, tmp_path / "model", labels=LABELS, base=None)
    _assert_scores(tmp_path / "model", scores, 1e-5 if adapter == "lora" else ROUNDING)


def _assert_scores(folder: Path, expected: Any, tolerance: float) -> None:
    loaded = load_artefact(folder)
    again = TorchPredictor(loaded.net, loaded.tokenizer, loaded.labels, max_length=64, device=torch.device("cpu"))
    assert abs(again.score(TEXTS) - expected).max() <= tolerance


@pytest.mark.slow
def test_a_run_records_its_attention_and_checkpointing_and_says_what_replaced_sdpa(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shape = [f"model.architecture.{key}={value}" for key, value in FAMILIES["deberta_v3_small"].items()]
    options = ["model=deberta_v3_small", "model.init=random", *shape, "trainer.max_steps=1"]
    words = [*SMALL[1:], *options, "model.gradient_checkpointing=true", "tracking=none", f"output_dir={tmp_path}"]
    assert main(words) == 0
    assert "note: deberta-v2 has no sdpa attention in transformers; eager is used" in capsys.readouterr().out
    (path,) = tmp_path.glob("*/*/result.json")
    model = json.loads(path.read_text())["model"]
    assert (model["attention"], model["gradient_checkpointing"], model["tokenizer"]) == ("eager", True, "bytes")
    assert json.loads(path.read_text())["artefact"]["verified"]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_each_model_in_full_size_trains_a_step(tmp_path: Path, name: str) -> None:
    small = EXPECTED[name] < 50e6
    words = ["dataset.batch_size=2", "dataset.limit={train: 12, val: 6, test: 6}", "dataset.max_length=16"]
    how = [
        "adapter=full" if small else "adapter=lora",
        "trainer.max_steps=1",
        "tracking=none",
        f"output_dir={tmp_path}",
    ]
    assert main([*SMALL[1:], f"model={name}", "model.init=random", *words, *how]) == 0
    (path,) = tmp_path.glob("*/*/result.json")
    result = json.loads(path.read_text())
    assert result["artefact"]["verified"] and result["training"]["steps"] == 1
    assert result["model"]["parameters"] >= EXPECTED[name]
    for file in path.parent.rglob("*.safetensors"):
        file.unlink()  # a gigabyte each
