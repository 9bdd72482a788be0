"""Files of rows, and a tokenizer of a few words; nothing is fetched."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftlab.datasets.splits import Rows
from ftlab.schema import DatasetConfig

WORDS = "good bad film plot the a was and very not bus fare council vote ticket".split()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("FTLAB_CACHE", str(folder))
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write rows to a csv file in the temporary folder; return its path as a user would type it."""

    def write_csv(name: str, rows: list[tuple[Any, ...]], header: tuple[str, ...] = ("text", "label")) -> str:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        return str(path)

    return write_csv


@pytest.fixture
def files() -> Callable[..., DatasetConfig]:
    def make(**options: Any) -> DatasetConfig:
        return DatasetConfig(**{"name": "files", **options})

    return make


@pytest.fixture
def make_rows() -> Callable[..., Rows]:
    def make(labels: list[int], name: str = "train") -> Rows:
        texts = [f"{name} text {i}" for i in range(len(labels))]
        return Rows(texts, None, list(labels), [f"{name}:{i + 1}" for i in range(len(labels))])

    return make


@pytest.fixture(scope="session")
def make_tokenizer() -> Callable[..., Any]:
    """Build a word-level tokenizer: [CLS] a b [SEP], or [CLS] a [SEP] b [SEP]; pad id 0."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    inputs = ["input_ids", "token_type_ids", "attention_mask"]

    def make(words: list[str] = WORDS, special: bool = True, **options: Any) -> PreTrainedTokenizerFast:
        vocabulary = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
        tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        if special:
            tokenizer.post_processor = processors.TemplateProcessing(
                single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
            )
        names: dict[str, Any] = {
            "model_input_names": inputs,
            "pad_token": "[PAD]",
            "unk_token": "[UNK]",
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
        }
        return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **{**names, **options})

    return make


@pytest.fixture
def tokenizer(make_tokenizer: Callable[..., Any]) -> Any:
    return make_tokenizer()
