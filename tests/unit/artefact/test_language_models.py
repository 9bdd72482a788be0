"""Model folders of networks that write, that label by prompt, and that carry a classification head."""

import json

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from ftlab.adapters.lora import add_lora
from ftlab.artefact import Base, load_artefact, save_artefact
from ftlab.errors import DataError
from ftlab.models.about import NAME
from ftlab.models.causal import load_causal_lm
from ftlab.models.pretrained import load_classifier
from ftlab.models.tokenizer import load_tokenizer
from ftlab.prompts.chat import load_template
from ftlab.schema import ModelConfig

CAUSAL = "ftlab.modules.causal_lm.CausalLMModule"
SHAPES = {
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 128},
    "llama": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "intermediate_size": 64,
        "tie_word_embeddings": True,
    },
}
KINDS = list(SHAPES)
LABELS = ["oppose", "neutral", "support"]
TEXT = "The vote on the tram is"


def config(kind, **options):
    shape = {"model_type": kind, "vocab_size": 2048, "initializer_range": 0.3, **SHAPES[kind]}
    return ModelConfig(_target_=CAUSAL, name="tiny", init="random", tokenizer="bytes", architecture=shape, **options)


@pytest.fixture
def tokenizer():
    return load_tokenizer(config("gpt2"), "bytes").tokenizer


def writer(kind, tokenizer):
    torch.manual_seed(0)
    return load_causal_lm(config(kind), tokenizer.pad_token_id).net.eval()


def with_lora(net):
    wrapped = add_lora(net, rank=4).net
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
    return wrapped.eval()


def greedy(net, tokenizer, **options):
    ids = tokenizer(TEXT, add_special_tokens=False, return_tensors="pt")
    with torch.inference_mode():
        return net.generate(**ids, max_new_tokens=20, do_sample=False, **options)[0].tolist()


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_plain_transformers_writes_the_same_tokens(tmp_path, tokenizer, kind, lora):
    net = writer(kind, tokenizer)
    before = greedy(net, tokenizer, use_cache=True)
    if lora:
        net = with_lora(net)
    expected = greedy(net, tokenizer, use_cache=True)
    assert (before == expected) == (not lora) and len(set(expected)) > 5
    folder = tmp_path / "model"
    assert save_artefact(net, tokenizer, folder, labels=None, base=None, max_length=64) == "full"
    assert not (tmp_path / "model" / "labels.json").exists()

    loaded = load_artefact(folder)
    assert (loaded.labels, loaded.task, loaded.about.head, loaded.about.max_length) == (None, "causal_lm", "lm", 64)
    assert not loaded.net.training
    assert greedy(loaded.net, loaded.tokenizer, use_cache=True) == expected
    plain, own = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert plain.config.use_cache
    assert plain.get_output_embeddings().weight is plain.get_input_embeddings().weight
    assert greedy(plain, own) == expected
    assert (plain.generation_config.eos_token_id, own.eos_token, own.pad_token) == (3, "[SEP]", "[PAD]")


@pytest.mark.parametrize("kind", KINDS)
def test_plain_peft_writes_the_same_tokens_on_the_base_beside(tmp_path, tokenizer, kind):
    folder = tmp_path / "model"
    wrapped = with_lora(writer(kind, tokenizer))
    expected = greedy(wrapped, tokenizer)
    assert save_artefact(wrapped, tokenizer, folder, labels=None, base=Base()) == "adapter"
    assert {path.name for path in folder.iterdir()} >= {"adapter_config.json", NAME, "tokenizer.json", "base"}
    assert not (folder / "labels.json").exists() and not (folder / "base" / "tokenizer.json").exists()
    plain = AutoModelForCausalLM.from_pretrained(folder / "base")
    assert plain.config.use_cache and plain.generation_config.eos_token_id == 3
    assert plain.get_output_embeddings().weight is plain.get_input_embeddings().weight
    own = AutoTokenizer.from_pretrained(folder)
    assert greedy(PeftModel.from_pretrained(plain, folder), own) == expected
    loaded = load_artefact(folder)
    assert greedy(loaded.net, loaded.tokenizer) == expected


def test_the_template_it_was_taught_with_is_the_tokenizers_in_the_folder(tmp_path, tokenizer):
    template = load_template("chatml", None)
    net = writer("gpt2", tokenizer)
    save_artefact(net, tokenizer, tmp_path / "model", labels=None, base=None, template=template)
    assert tokenizer.chat_template is None, "the caller's is as it was"
    assert AutoTokenizer.from_pretrained(tmp_path / "model").chat_template == template.source
    loaded = load_artefact(tmp_path / "model")
    assert loaded.template == template
    said = json.loads((tmp_path / "model" / NAME).read_text())
    assert said["chat_template"] == {"name": "chatml", "sha256": template.sha256, "chosen": True}


def test_what_closes_a_turn_ends_a_text_in_plain_transformers_too(tmp_path, tokenizer):
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_end|>"]})
    closing = tokenizer.convert_tokens_to_ids("<|im_end|>")
    net = writer("gpt2", tokenizer)
    net.generation_config.eos_token_id = [7]
    template = load_template("chatml", None)
    save_artefact(net, tokenizer, tmp_path / "model", labels=None, base=None, template=template)
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert plain.generation_config.eos_token_id == [3, 7, closing]


def test_a_model_that_labels_by_prompt_says_so(tmp_path, tokenizer):
    net = writer("llama", tokenizer)
    prompt = {"name": "zero_shot", "instruction": "Which?", "labels": {"a": "no", "b": "yes"}}
    save_artefact(net, tokenizer, tmp_path / "model", labels=["a", "b"], base=None, prompt=prompt)
    loaded = load_artefact(tmp_path / "model")
    assert (loaded.task, loaded.about.head, loaded.labels, loaded.about.prompt) == (
        "classification",
        "lm",
        ["a", "b"],
        prompt,
    )
    assert greedy(loaded.net, tokenizer) == greedy(net, tokenizer)


@pytest.mark.parametrize("layout", ["full", "adapter"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_classification_head_on_a_language_model_is_a_plain_classifier(tmp_path, tokenizer, kind, layout):
    base, folder = tmp_path / "base", tmp_path / "model"
    writer(kind, tokenizer).save_pretrained(base)
    on_base = ModelConfig(_target_=CAUSAL, name="tiny", checkpoint=str(base), head="classification")
    tokenizer.pad_token = "[MASK]"  # another than the base's
    net = load_classifier(on_base, LABELS, tokenizer.pad_token_id).net.eval()
    wrapped = with_lora(net)
    batch = tokenizer([TEXT, "No."], padding=True, return_tensors="pt")
    with torch.inference_mode():
        expected = wrapped(**batch).logits
    place = Base() if layout == "adapter" else None
    assert save_artefact(wrapped, tokenizer, folder, labels=LABELS, base=place) == layout
    loaded = load_artefact(folder)
    assert (loaded.labels, loaded.task, loaded.about.head) == (LABELS, "classification", "classification")
    plain = AutoModelForSequenceClassification.from_pretrained(folder / "base" if layout == "adapter" else folder)
    plain = PeftModel.from_pretrained(plain, folder).eval() if layout == "adapter" else plain.eval()
    with torch.inference_mode():
        found = loaded.net(**loaded.tokenizer([TEXT, "No."], padding=True, return_tensors="pt")).logits
        torch.testing.assert_close(found, expected, rtol=0, atol=0 if layout == "adapter" else 1e-5)
        one = plain(**AutoTokenizer.from_pretrained(folder)([TEXT], return_tensors="pt")).logits
        torch.testing.assert_close(one, expected[:1], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "broken",
    [
        "{",
        "[]",
        '{"task": "translation", "head": "lm"}',
        '{"task": "classification", "head": "lm"}',
        '{"max_length": "x"}',
    ],
)
def test_a_file_that_says_nothing_of_use_is_refused(tmp_path, tokenizer, broken):
    save_artefact(writer("gpt2", tokenizer), tokenizer, tmp_path / "model", labels=None, base=None)
    (tmp_path / "model" / NAME).write_text(broken)
    with pytest.raises(DataError, match=r"ftlab\.json .*train the run again"):
        load_artefact(tmp_path / "model")
