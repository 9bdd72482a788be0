from __future__ import annotations

import dataclasses
import re

import pytest
import torch
import yaml
from peft import LoraConfig, get_peft_model
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from ftlab.report.card import escape, model_card, write_card
from ftlab.report.usage import loading_lines

LABELS = ["against", 'for "all"', "```"]


def code(card: str) -> str:
    return re.search(r"```python\n(.*?)\n```\n", card, re.DOTALL)[1]


def front_matter(card: str) -> dict:
    return yaml.safe_load(card.split("---\n")[1])


def tiny_bert(folder):
    """A base of random weights with a tokenizer beside it."""
    torch.manual_seed(0)
    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "your", "text", "."]
    (folder / "vocab.txt").write_text("\n".join(words))
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"))
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
        id2label=dict(enumerate(LABELS)),
        label2id={name: number for number, name in enumerate(LABELS)},
    )
    net = BertForSequenceClassification(config)
    net.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return net, tokenizer


def run(lines: str, folder, capsys) -> tuple[str, dict]:
    """Do what a reader of the card does; return what is printed, and the names."""
    names: dict = {}
    exec(lines.replace("path/to/this/folder", str(folder)), names)
    return capsys.readouterr().out.strip(), names


def expected(net, tokenizer) -> torch.Tensor:
    with torch.no_grad():
        return net.eval()(**tokenizer("Your text.", return_tensors="pt")).logits


def test_the_lines_of_full_weights_load_and_label_with_transformers_alone(tmp_path, capsys):
    net, tokenizer = tiny_bert(tmp_path / "model")
    logits = expected(net, tokenizer)
    printed, names = run(loading_lines(LABELS, 32, "full"), tmp_path / "model", capsys)
    assert printed == LABELS[int(logits.argmax())]
    assert torch.equal(names["model"](**names["inputs"]).logits, logits)


def test_the_lines_of_an_adapter_load_its_base_head_and_labels_with_peft(tmp_path, capsys):
    net, tokenizer = tiny_bert(tmp_path / "base")
    net.name_or_path = str(tmp_path / "base")
    adapted = get_peft_model(net, LoraConfig(task_type="SEQ_CLS", target_modules=["query"], init_lora_weights=False))
    with torch.no_grad():
        adapted.base_model.classifier.modules_to_save["default"].weight.normal_()  # a head that was trained
    adapted.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    logits = expected(adapted, tokenizer)
    printed, names = run(loading_lines(LABELS, 32, "adapter"), tmp_path / "model", capsys)
    assert printed == LABELS[int(logits.argmax())]
    torch.testing.assert_close(names["model"](**names["inputs"]).logits, logits, rtol=0, atol=0)


def test_the_card_prints_the_lines_for_its_form(finished, tmp_path):
    assert code(model_card(finished, "full")) + "\n" == loading_lines(["support", "oppose"], 128, "full")
    adapter = write_card(finished, tmp_path, "adapter").read_text(encoding="utf-8")
    assert (tmp_path / "README.md").is_file()
    assert "from_pretrained(folder, num_labels=2)" in code(adapter)
    assert "its base is loaded beside it" in adapter


def test_the_front_matter_names_library_task_and_base(finished):
    assert front_matter(model_card(finished, "adapter")) == {
        "base_model": "distilbert/distilbert-base-uncased",
        "library_name": "peft",
        "pipeline_tag": "text-classification",
        "tags": ["ftlab"],
    }
    assert front_matter(model_card(finished, "full"))["library_name"] == "transformers"


def test_the_card_says_how_good_fast_and_dear_the_model_is(finished):
    lines = model_card(finished, "full").splitlines()
    assert "| f1\\_macro | 0.165 | 0.809 | 0.768 to 0.847 | higher |" in lines
    assert "| auroc | 0.500 | - | - | higher |" in lines
    assert "| oppose | 0.700 | 0.600 | 0.646 | 1,650 |" in lines
    assert "| 1 | 12.3 | 14.5 | 81 |" in lines
    assert "| \\$ of training | \\$0.0213 |" in lines
    assert "| seed | 42 |" in lines
    assert "| versions | python 3.11.7, torch 2.13.0 |" in lines
    assert any(line.startswith("On Some CPU, 2 threads, torch float32") for line in lines)


def test_what_is_not_known_is_left_out(finished):
    bare = dataclasses.replace(finished, latency=[], cost=None, run=dataclasses.replace(finished.run, git_commit=None))
    card = model_card(bare, "full")
    assert "## Speed" not in card and "per 1k requests" not in card and "| code |" not in card


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, r"from distilbert/distilbert-base-uncased (revision 12040accade4"),
        ({"checkpoint": "/home/someone/private/model", "revision": None}, "from weights from a local folder"),
        ({"checkpoint": "none", "init": "random"}, "from random weights"),
    ],
)
def test_the_card_says_where_the_weights_came_from(finished, changes, said):
    model = dataclasses.replace(finished.model, **changes)
    assert said in model_card(dataclasses.replace(finished, model=model), "full")


def test_the_card_names_no_path_of_this_machine(finished):
    model = dataclasses.replace(finished.model, checkpoint="/home/someone/private/model")
    card = model_card(dataclasses.replace(finished, model=model), "full")
    assert "/home" not in card and "base_model" not in card


def test_a_model_that_was_not_trained_is_said_to_be_so(finished):
    card = model_card(dataclasses.replace(finished, adapter={"name": "none"}), "full")
    assert "tested as it came on policy\\_stance" in card and "fine-tuned" not in card


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b", r"a\|b"),
        ("<script>x</script> & co", "&lt;script&gt;x&lt;/script&gt; &amp; co"),
        ("*x* _y_ `z` [l](u) $m$ ~s~", r"\*x\* \_y\_ \`z\` \[l\](u) \$m\$ \~s\~"),
        ("one\ntwo\n# three", "one two # three"),
        ("# head", r"\# head"),
        ("- item", r"\- item"),
        ("12. item", r"12\. item"),
        ("---", r"\---"),
        ("0.52 Wh", "0.52 Wh"),
        ("a\\b", r"a\\b"),
    ],
)
def test_text_of_users_is_no_markdown(text, escaped):
    assert escape(text) == escaped


def test_labels_of_users_are_escaped_in_the_card_and_quoted_in_the_code(finished):
    labels = ["a|b", 'say "```"\nrm']
    classes = {name: {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1} for name in labels}
    quality = dataclasses.replace(finished.quality, test={"f1_macro": 1.0, "per_class": classes})
    hostile = dataclasses.replace(
        finished, dataset=dataclasses.replace(finished.dataset, labels=labels), quality=quality
    )
    card = model_card(hostile, "adapter")
    assert '0. a\\|b\n1. say "\\`\\`\\`" rm' in card
    assert "| a\\|b | 1.000 |" in card
    names: dict = {}
    exec(next(line for line in code(card).splitlines() if line.startswith("labels = ")), names)
    assert names["labels"] == labels
