from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ftlab.datasets import tokens as module
from ftlab.datasets.splits import Rows
from ftlab.datasets.tokens import Tokens, cache_dir, tokenize
from ftlab.errors import DataError


def rows_of(*texts: str, pairs: list[str] | None = None) -> Rows:
    return Rows(list(texts), pairs, [0] * len(texts), [f"train:{i + 1}" for i in range(len(texts))])


def entries(folder: Path) -> list[Path]:
    return sorted((folder / "tokens").iterdir())


def same(a: Tokens, b: Tokens) -> bool:
    types = (a.types is None) == (b.types is None) and (a.types is None or np.array_equal(a.types, b.types))  # type: ignore[arg-type]
    return (
        np.array_equal(a.ids, b.ids) and np.array_equal(a.offsets, b.offsets) and types and a.truncated == b.truncated
    )


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of rows of each tokenisation that really took place."""
    seen: list[int] = []
    plain = module._tokenize

    def counted(rows: Rows, *others: Any) -> Tokens:
        seen.append(len(rows))
        return plain(rows, *others)

    monkeypatch.setattr(module, "_tokenize", counted)
    return seen


def test_ids_are_the_tokenizers_own(tokenizer: Any) -> None:
    texts = ["good film", "the plot was very bad", "unheard words"]
    tokens = tokenize(rows_of(*texts), tokenizer, 32)
    assert len(tokens) == 3 and tokens.lengths.tolist() == [4, 7, 4] and tokens.truncated == 0
    for i, text in enumerate(texts):
        assert tokens.ids[tokens.offsets[i] : tokens.offsets[i + 1]].tolist() == tokenizer(text)["input_ids"]
    assert tokens.ids.dtype == np.int32 and tokens.offsets.dtype == np.int64


def test_long_rows_are_cut_counted_and_keep_their_special_tokens(tokenizer: Any) -> None:
    tokens = tokenize(rows_of("good bad film", "good", "a a a a a a", "good bad"), tokenizer, 4)
    assert tokens.truncated == 2 and tokens.lengths.tolist() == [4, 3, 4, 4]
    assert tokens.ids[:4].tolist() == tokenizer("good bad")["input_ids"]


def test_pairs_are_cut_at_the_longer_text_and_carry_types(tokenizer: Any) -> None:
    tokens = tokenize(rows_of("good good good good", pairs=["bad"]), tokenizer, 6)
    assert tokens.ids.tolist() == tokenizer("good good", "bad")["input_ids"] and tokens.truncated == 1
    assert tokens.types is not None and tokens.types.tolist() == [0, 0, 0, 0, 1, 1]


def test_token_types_are_there_only_where_the_tokenizer_gives_them(make_tokenizer: Callable[..., Any]) -> None:
    plain = make_tokenizer(model_input_names=["input_ids", "attention_mask"])
    assert tokenize(rows_of("good"), plain, 8).types is None


def test_more_rows_than_a_chunk_come_out_in_order(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(*(("good " * (i % 5 + 1)).strip() for i in range(23)))
    whole = tokenize(rows, tokenizer, 5)
    monkeypatch.setattr(module, "_CHUNK", 4)
    assert same(module._tokenize(rows, tokenizer, 5), whole)
    assert whole.lengths.tolist() == [min(i % 5 + 3, 5) for i in range(23)]


def test_the_second_time_comes_from_the_cache(tokenizer: Any, calls: list[int], cache: Path) -> None:
    rows = rows_of("good film", "the plot", pairs=["a", "bad"])
    first = tokenize(rows, tokenizer, 6)
    tokenizer("something else", truncation=True, padding="max_length", max_length=3)  # leaves its settings behind
    renamed = Rows(rows.texts, rows.pairs, [1, 0], ["test:8", "test:9"])
    assert same(tokenize(renamed, tokenizer, 6), first) and calls == [2]
    assert [path.suffix for path in entries(cache)] == [".npz"]


def test_whatever_changes_the_ids_changes_the_cache_entry(
    tokenizer: Any, make_tokenizer: Callable[..., Any], calls: list[int], cache: Path
) -> None:
    rows = rows_of("good film", "bad")
    tokenize(rows, tokenizer, 6)
    tokenize(rows, tokenizer, 5)
    tokenize(rows, make_tokenizer(["film", "bad", "good"]), 6)
    tokenize(rows, make_tokenizer(special=False), 6)
    tokenize(rows, make_tokenizer(truncation_side="left"), 6)
    tokenize(rows, make_tokenizer(model_input_names=["input_ids"]), 6)
    tokenize(rows_of("good", "film bad"), tokenizer, 6)
    tokenize(rows_of("good film", "bad", pairs=["a", "a"]), tokenizer, 6)
    assert len(calls) == len(entries(cache)) == 8


@pytest.mark.parametrize(
    "damage", ["empty", "half", "flipped", "not a file of arrays", "pickled", "other rows", "no key"]
)
def test_a_damaged_entry_is_built_again(
    damage: str, tokenizer: Any, calls: list[int], cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = rows_of(*("good film the plot was very bad" for _ in range(50)))
    first = tokenize(rows, tokenizer, 16)
    (path,) = entries(cache)
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 3] ^= 0xFF
    elif damage == "pickled":
        np.savez(path, ids=np.array([{}], dtype=object), offsets=first.offsets, truncated=0)
        content = bytearray(path.read_bytes())
    elif damage == "other rows":
        np.savez(path, ids=first.ids, offsets=first.offsets[:-1], truncated=0)
        content = bytearray(path.read_bytes())
    elif damage == "no key":
        np.savez(path, ids=first.ids)
        content = bytearray(path.read_bytes())
    path.write_bytes(
        {"empty": b"", "half": content[: len(content) // 2], "not a file of arrays": b"x" * 99}.get(damage, content)
    )
    with caplog.at_level(logging.WARNING):
        assert same(tokenize(rows, tokenizer, 16), first)
    assert "is damaged" in caplog.text and calls == [50, 50]
    assert same(tokenize(rows, tokenizer, 16), first) and calls == [50, 50]  # repaired


def test_a_cache_that_cannot_be_written_costs_only_time(
    tokenizer: Any, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write_text("a file in the way")
    with caplog.at_level(logging.WARNING):
        assert len(tokenize(rows_of("good"), tokenizer, 8)) == 1
    assert "cannot be written" in caplog.text


def test_a_write_that_fails_leaves_nothing_behind(
    tokenizer: Any, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(file: Any, **arrays: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    assert len(tokenize(rows_of("good"), tokenizer, 8)) == 1
    assert entries(cache) == [] and "No space left" in caplog.text


@pytest.mark.parametrize(("pairs", "least"), [(None, 3), (["bad"], 5)])
def test_a_max_length_without_room_for_text_names_the_least(
    tokenizer: Any, pairs: list[str] | None, least: int
) -> None:
    with pytest.raises(DataError, match=rf"leaves no room for text .* type dataset\.max_length={least} or more"):
        tokenize(rows_of("good", pairs=pairs), tokenizer, least - 1)
    assert tokenize(rows_of("good", pairs=pairs), tokenizer, least).lengths.tolist() == [least]


def test_a_row_without_any_token_is_named(make_tokenizer: Callable[..., Any]) -> None:
    plain = make_tokenizer(special=False)
    with pytest.raises(DataError, match="row train:2 has no token left"):
        tokenize(rows_of("good", "\u2003"), plain, 8)


def test_the_cache_lies_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FTLAB_CACHE", "~/here")
    assert cache_dir() == tmp_path / "here"
    monkeypatch.delenv("FTLAB_CACHE")
    assert cache_dir() == tmp_path / ".cache" / "ftlab"
    assert "FTLAB_CACHE" not in os.environ
