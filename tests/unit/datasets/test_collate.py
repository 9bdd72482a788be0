from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from ftlab.datasets.collate import PadCollator, TokenDataset
from ftlab.datasets.splits import Rows
from ftlab.datasets.tokens import tokenize

TEXTS = ["good film", "the plot was very bad", "good"]


def data_of(tokenizer: Any, pairs: list[str] | None = None) -> TokenDataset:
    rows = Rows(TEXTS, pairs, [1, 0, 1], ["1", "2", "3"])
    return TokenDataset(tokenize(rows, tokenizer, 16), rows.labels)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("pairs", [None, ["a", "bad film", "very"]])
def test_a_batch_is_what_the_tokenizer_itself_would_pad(
    make_tokenizer: Callable[..., Any], side: str, pairs: list[str] | None
) -> None:
    tokenizer = make_tokenizer(padding_side=side)
    data = data_of(tokenizer, pairs)
    batch = PadCollator(tokenizer)([data[i] for i in range(3)])
    expected = tokenizer(TEXTS, pairs, padding=True, return_tensors="pt")
    assert set(batch) == {"input_ids", "attention_mask", "token_type_ids", "labels", "row_ids"}
    for key in expected:
        assert torch.equal(batch[key], expected[key]) and batch[key].dtype == torch.int64


def test_labels_and_row_ids_follow_the_rows(tokenizer: Any) -> None:
    data = data_of(tokenizer)
    batch = PadCollator(tokenizer)([data[2], data[1]])
    assert len(data) == 3
    assert batch["row_ids"].tolist() == [2, 1] and batch["labels"].tolist() == [1, 0]
    assert batch["row_ids"].dtype == batch["labels"].dtype == torch.int64


def test_fixed_width_pads_every_batch_to_it(tokenizer: Any) -> None:
    batch = PadCollator(tokenizer, 9)([data_of(tokenizer)[2]])
    assert batch["input_ids"].shape == (1, 9) and batch["attention_mask"].sum() == 3


def test_token_types_are_left_out_where_there_are_none(make_tokenizer: Callable[..., Any]) -> None:
    tokenizer = make_tokenizer(model_input_names=["input_ids", "attention_mask"])
    assert "token_type_ids" not in PadCollator(tokenizer)([data_of(tokenizer)[0]])


def test_padding_uses_the_tokenizers_pad_token(make_tokenizer: Callable[..., Any]) -> None:
    tokenizer = make_tokenizer(pad_token="[SEP]")
    batch = PadCollator(tokenizer, 5)([data_of(tokenizer)[2]])
    assert batch["input_ids"][0, -2:].tolist() == [3, 3] and batch["attention_mask"][0].tolist() == [1, 1, 1, 0, 0]


def test_a_tokenizer_without_a_pad_token_is_our_mistake(make_tokenizer: Callable[..., Any]) -> None:
    with pytest.raises(AssertionError, match="pad token"):
        PadCollator(make_tokenizer(pad_token=None))
