from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.datasets import sample
from ftlab.datasets.sample import write_sample
from ftlab.datasets.sources import read_splits
from ftlab.schema import DatasetConfig


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_the_balanced_sample_is_saved_as_it_was_used(
    files: Callable[..., DatasetConfig], write: Callable[..., str], tmp_path: Path
) -> None:
    path = write("a.csv", [(f'te"xt,\n{i}', "no" if i % 3 else "yes") for i in range(90)])
    splits = read_splits(files(train=path, sample_per_class=5))
    header, *rows = read(write_sample(splits, tmp_path))
    assert header == ["split", "id", "text", "label"]
    train = [row for row in rows if row[0] == "train"]
    assert [row[3] for row in train].count("yes") == 5 and [row[3] for row in train].count("no") == 5
    assert [row[1] for row in rows] == [*splits.train.ids, *splits.val.ids, *splits.test.ids]
    assert [row[2] for row in train] == list(splits.train.texts)


def test_pairs_have_both_texts_and_texts_can_be_left_out(
    files: Callable[..., DatasetConfig], write: Callable[..., str], tmp_path: Path
) -> None:
    path = write("a.csv", [(f"t{i}", f"p{i}", i % 2) for i in range(20)], ("text", "pair", "label"))
    splits = read_splits(files(train=path, text_pair_column="pair", sample_per_class=2))
    header, first, *_ = read(write_sample(splits, tmp_path))
    assert header == ["split", "id", "text", "text_pair", "label"] and first[2][1:] == first[3][1:]
    assert read(write_sample(splits, tmp_path, keep_text=False))[0] == ["split", "id", "label"]


def test_nothing_is_left_where_writing_fails(
    files: Callable[..., DatasetConfig], write: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = read_splits(files(train=write("a.csv", [(f"t{i}", i % 2) for i in range(20)])))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sample.os, "fsync", full)
    (tmp_path / "run").mkdir()
    with pytest.raises(OSError, match="No space"):
        write_sample(splits, tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []
