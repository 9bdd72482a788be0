"""Whole runs on a base in few bits: what is recorded, kept and shipped, and the verbs that start from them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ftlab.launch import main
from ftlab.models.quantization import is_quantized
from ftlab.predictor import load_predictor
from small import SMALL

# Weights large enough that 4 bits are seen in the outputs; one epoch, untimed.
WORDS = [word for word in SMALL if not word.startswith(("model=", "trainer", "dataset.limit", "latency"))]
WORDS += ["trainer.max_epochs=1", "latency.enabled=false", "tracking=none", "adapter=qlora"]
BERT = ["model=tiny_bert", "trainer=cpu", "dataset.limit={train: 60, val: 24, test: 30}"]
LIVELY = "model.architecture.initializer_range=0.2"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, dict[str, Any]]]:
    def train(*words: str) -> tuple[Path, dict[str, Any]]:
        outputs = tmp_path_factory.mktemp("outputs")
        assert main([*WORDS, f"output_dir={outputs}", *words]) == 0
        (found,) = outputs.glob("*/*/result.json")
        return found.parent, json.loads(found.read_text())

    return train


@pytest.fixture(scope="module")
def merged(run: Callable[..., tuple[Path, dict[str, Any]]]) -> tuple[Path, dict[str, Any]]:
    return run(*BERT, LIVELY, "optimizer=adamw8bit", "optimizer.min_8bit_size=16")


def scores(folder: Path) -> torch.Tensor:
    predictor = load_predictor(folder / "model", max_length=64, device=torch.device("cpu"))
    return torch.from_numpy(predictor.score(["the fare is too high", "more trams, please", "no"]))


def test_the_record_counts_weights_as_weights_and_bytes_as_stored(merged: tuple[Path, dict[str, Any]]) -> None:
    folder, record = merged
    model = record["model"]
    assert model["quantization"] == record["adapter"]["load"]["quantization"] == "nf4"
    assert model["size_mb"] < 4e-6 * model["parameters"]
    assert record["artefact"]["verified"] and record["artefact"]["max_abs_logit_difference"] < 1e-4
    assert record["training"]["optimizer"] == "bitsandbytes.optim.AdamW8bit"
    whole = load_predictor(folder / "model", max_length=64, device=torch.device("cpu")).net
    assert not is_quantized(whole)
    trained = model["trainable_parameters"]
    assert sum(p.numel() for p in whole.parameters()) == model["parameters"] - trained  # which has two heads


def test_a_checkpoint_holds_what_trains_only(merged: tuple[Path, dict[str, Any]]) -> None:
    folder, record = merged
    (best,) = (path for path in (folder / "checkpoints").glob("*.ckpt") if "best" in path.name)
    state = torch.load(best, weights_only=True)
    assert sum(t.numel() for t in state["state_dict"].values()) == record["model"]["trainable_parameters"]
    assert len(state["base_fingerprint"]) == 64 and state["base_fingerprint"] != record["model"]["weights_digest"]


@pytest.mark.slow
def test_an_adapter_beside_its_base_is_put_on_the_same_bits(run: Callable[..., tuple[Path, dict[str, Any]]]) -> None:
    folder, record = run(*BERT, LIVELY, "adapter.merge=false")
    assert record["artefact"]["form"] == "adapter" and record["artefact"]["max_abs_logit_difference"] < 1e-5
    assert json.loads((folder / "model" / "ftlab.json").read_text())["quantization"]["quantization"] == "nf4"
    net = load_predictor(folder / "model", max_length=64, device=torch.device("cpu")).net
    assert is_quantized(net)
    about = json.loads((folder / "model" / "ftlab.json").read_text())
    about["quantization"] = {**about["quantization"], "quantization": "int8"}
    before = scores(folder)
    (folder / "model" / "ftlab.json").write_text(json.dumps(about))
    assert not torch.allclose(scores(folder), before, atol=1e-4)  # the settings are what it is held by


def test_predict_answers_with_the_run(merged: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(merged[0]), "text=the fare is too high"]) == 0
    assert "oppose" in capsys.readouterr().out


@pytest.mark.slow
def test_a_language_model(run: Callable[..., tuple[Path, dict[str, Any]]]) -> None:
    small = ["generation.max_new_tokens=4", "dataset.max_length=64", "dataset.limit={train: 8, val: 4, test: 4}"]
    folder, record = run("model=tiny_gpt", "trainer=cpu", "dataset=idea_posts", LIVELY, *small)
    assert record["model"]["quantization"] == "nf4" and record["artefact"]["max_abs_logit_difference"] < 1e-4
    assert "transformer.h.0.attn.c_attn.weight" in _names(folder)


def _names(folder: Path) -> set[str]:
    from safetensors import safe_open

    with safe_open(folder / "model" / "model.safetensors", framework="pt") as file:
        return set(file.keys())


@pytest.mark.slow
def test_two_processes_train_what_one_does(run: Callable[..., tuple[Path, dict[str, Any]]]) -> None:
    still = ["adapter.dropout=0", "model.dropout=0"]
    one, two = run(*BERT, LIVELY, *still), run(*BERT[::2], LIVELY, *still, "trainer=ddp_cpu")
    torch.testing.assert_close(scores(one[0]), scores(two[0]), rtol=0, atol=1e-4)
    assert two[1]["training"]["processes"] == 2
