import dataclasses
import json

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from ftlab.adapters.lora import add_lora
from ftlab.artefact import Base, folder_size_mb, is_adapter, load_artefact, save_artefact
from ftlab.errors import DataError, ModelError
from ftlab.models.digest import file_digest
from ftlab.models.pretrained import load_classifier
from ftlab.models.tokenizer import load_tokenizer
from ftlab.predictor import load_predictor
from ftlab.schema import ModelConfig

LABELS = ["oppose", "neutral", "support"]
SHAPE = {
    "model_type": "bert",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "vocab_size": 2048,
}
CONFIG = ModelConfig(name="tiny", init="random", tokenizer="bytes", architecture=SHAPE)
COMMIT = "0123456789" * 4
TEXTS = ["Build the tram.", "The vote is on Monday, after the second hearing of the committee."]


@pytest.fixture
def net():
    torch.manual_seed(0)
    return load_classifier(CONFIG, LABELS).net.eval()


@pytest.fixture
def tokenizer():
    return load_tokenizer(CONFIG, "bytes").tokenizer


def logits(net, tokenizer):
    with torch.inference_mode():
        return net(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits


def trained_lora(net):
    wrapped = add_lora(net, rank=4).net
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_B" in name or "modules_to_save" in name:
                parameter.normal_(std=0.1)
    return wrapped.eval()


def test_full_model_comes_back_with_the_same_logits_in_ftlab_and_in_plain_transformers(tmp_path, net, tokenizer):
    expected = logits(net, tokenizer)
    assert save_artefact(net, tokenizer, tmp_path / "model", labels=LABELS, base=None) == "full"
    loaded = load_artefact(tmp_path / "model")
    assert loaded.labels == LABELS
    assert torch.equal(logits(loaded.net, loaded.tokenizer), expected)
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model").eval()
    assert torch.equal(logits(plain, AutoTokenizer.from_pretrained(tmp_path / "model")), expected)
    assert plain.config.id2label == dict(enumerate(LABELS))
    assert not list((tmp_path / "model").glob("*.bin"))


def test_lora_without_a_hub_base_is_merged_within_rounding(tmp_path, net, tokenizer):
    wrapped = trained_lora(net)
    assert is_adapter(wrapped)
    expected = logits(wrapped, tokenizer)
    assert save_artefact(wrapped, tokenizer, tmp_path / "model", labels=LABELS, base=None) == "full"
    found = logits(load_artefact(tmp_path / "model").net, tokenizer)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model").eval()
    assert torch.equal(logits(plain, tokenizer), found)


def test_lora_on_a_hub_base_is_the_peft_layout_and_names_the_hub_id(tmp_path, net, tokenizer, on_hub):
    base = on_hub(net, "someone/tiny")
    wrapped = trained_lora(net)
    expected = logits(wrapped, tokenizer)
    place, digest = Base("someone/tiny", COMMIT), file_digest([base / "model.safetensors"])
    folder = tmp_path / "model"
    saved = save_artefact(wrapped, tokenizer, folder, labels=LABELS, base=place, base_digest=digest, adapter="lora")
    assert saved == "adapter"
    names = {path.name for path in folder.iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "labels.json", "tokenizer.json"} <= names
    assert "config.json" not in names and "base" not in names
    settings = json.loads((folder / "adapter_config.json").read_text())
    assert (settings["base_model_name_or_path"], settings["revision"]) == ("someone/tiny", COMMIT)
    loaded = load_artefact(folder)
    assert (loaded.labels, loaded.about.adapter) == (LABELS, "lora")
    assert torch.equal(logits(loaded.net, loaded.tokenizer), expected)

    torch.manual_seed(5)
    on_hub(load_classifier(CONFIG, LABELS).net, "someone/tiny")  # the same shape, drawn anew
    with pytest.raises(ModelError, match=r"trained on other weights of someone/tiny .*adapter\.merge=true"):
        load_artefact(folder)


@pytest.mark.parametrize("layout", ["full", "adapter"])
def test_plain_transformers_and_peft_predict_what_the_predictor_does(tmp_path, tokenizer, layout):
    folder = tmp_path / "model"
    torch.manual_seed(0)
    lively = dataclasses.replace(CONFIG, architecture={**SHAPE, "initializer_range": 0.5})
    net = load_classifier(lively, LABELS).net.eval()
    wrapped = trained_lora(net)
    place = Base() if layout == "adapter" else None
    assert save_artefact(wrapped, tokenizer, folder, labels=LABELS, base=place) == layout
    texts = [*TEXTS, *(f"{text} {number} times over" for text in TEXTS for number in range(20))]
    found = load_predictor(folder, max_length=24, device=torch.device("cpu")).predict(texts, batch_size=7)

    plain = AutoModelForSequenceClassification.from_pretrained(folder / "base" if layout == "adapter" else folder)
    plain = PeftModel.from_pretrained(plain, folder).eval() if layout == "adapter" else plain.eval()
    own = AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        encoded = own(texts, truncation=True, max_length=24, padding=True, return_tensors="pt")
        probabilities = plain(**encoded).logits.softmax(-1)  # (42, 3)
    assert [prediction.label for prediction in found] == [LABELS[n] for n in probabilities.argmax(-1)]
    for number, label in enumerate(LABELS):
        ours = [prediction.probabilities[label] for prediction in found]
        assert max(ours) - min(ours) > 0.1, "one answer for all shows nothing"
        assert ours == pytest.approx(probabilities[:, number].tolist(), abs=1e-5)


def test_adapter_whose_base_is_not_to_be_had_says_so(tmp_path, net, tokenizer, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    save_artefact(trained_lora(net), tokenizer, tmp_path / "model", labels=LABELS, base=Base("someone/tiny"))
    with pytest.raises(ModelError, match="someone/tiny"):
        load_artefact(tmp_path / "model")


def test_folders_that_are_no_model_are_refused(tmp_path, net, tokenizer):
    with pytest.raises(DataError, match=r"config\.json is missing"):
        load_artefact(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(DataError, match="not valid JSON"):
        load_artefact(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(DataError, match="no id2label"):
        load_artefact(tmp_path)


def test_folder_size_counts_every_file(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"0" * 1500)
    (tmp_path / "y").write_bytes(b"0" * 500)
    assert folder_size_mb(tmp_path) == 0.002
