from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftlab.datasets.kind import Use, dataset_kind
from ftlab.errors import DataError
from ftlab.schema import DatasetConfig

Make = Callable[..., DatasetConfig]


@pytest.fixture
def kind(files: Make, tmp_path: Path) -> Callable[..., Use]:
    def of(columns: list[str], expect: Use | None = None, **options: Any) -> Use:
        path = tmp_path / "train.jsonl"
        path.write_text(json.dumps(dict.fromkeys(columns, "x")))
        return dataset_kind(files(train=str(path), **options), expect)

    return of


@pytest.mark.parametrize(
    ("columns", "options", "expected"),
    [
        (["text", "label"], {}, "classification"),
        (["text", "y"], {"label_column": "y"}, "classification"),
        (["sentence", "stance"], {"labels": ["a", "b"]}, "classification"),
        (["text", "label"], {"format": "text"}, "lm"),
        (["prompt", "completion"], {"format": "classification"}, "classification"),
        (["messages"], {}, "lm"),
        (["messages", "label"], {}, "lm"),
        (["instruction", "output"], {}, "lm"),
        (["text"], {}, "lm"),
        (["text"], {"sample_per_class": 3}, "classification"),
        (["text"], {"expect": "classification"}, "classification"),
        (["review", "stars"], {"expect": "classification"}, "classification"),
        (["review", "stars"], {"expect": "lm"}, "lm"),
        (["messages"], {"expect": "classification"}, "lm"),
    ],
)
def test_columns_decide_and_the_model_where_they_do_not(
    kind: Callable[..., Use], columns: list[str], options: dict[str, Any], expected: Use
) -> None:
    assert kind(columns, **options) == expected


def test_columns_that_fit_nothing_are_a_fault_where_nothing_is_expected(kind: Callable[..., Use]) -> None:
    with pytest.raises(DataError, match="fit no format; formats and their columns"):
        kind(["review", "stars"])


def test_bundled_sets_texts_and_folders_of_classes_know(files: Make, tmp_path: Path) -> None:
    assert dataset_kind(files(bundled="policy_stance")) == "classification"
    assert dataset_kind(files(bundled="idea_posts")) == "lm"
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.txt").write_text("x")
    assert dataset_kind(files(train=str(tmp_path))) == "classification"
    assert dataset_kind(files(train=str(tmp_path / "a" / "1.txt"))) == "lm"
    assert dataset_kind(files(train=str(tmp_path / "*" / "*.txt"))) == "lm"


def test_a_hub_data_set_is_not_opened(files: Make) -> None:
    assert dataset_kind(files(hub="x/y", train="train")) == "classification"
    assert dataset_kind(files(hub="x/y", train="train"), "lm") == "lm"
    assert dataset_kind(files(hub="x/y", train="train", labels=["a", "b"]), "lm") == "classification"


def test_the_test_file_decides_where_it_is_the_only_one(files: Make, write: Callable[..., str]) -> None:
    assert dataset_kind(files(test=write("a.csv", [("a", 1)]))) == "classification"


def test_a_missing_file_is_one_sentence(files: Make, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        dataset_kind(files(train=str(tmp_path / "no.csv")))
