from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ftlab.datasets import parts
from ftlab.datasets.columns import Columns
from ftlab.datasets.parts import read_parts
from ftlab.errors import DataError
from ftlab.schema import DatasetConfig

Make = Callable[..., DatasetConfig]
LAYOUT = ("id", "split", "area", "label", "text")


@pytest.fixture
def bundle(write: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        "toy.csv",
        [
            ("t0", "train", "rail", "no", "stop it"),
            ("t1", "test", "rail", "yes", "build it"),
            ("t2", "val", "bus", "no", "never"),
            ("t3", "train", "bus", "yes", "NA"),
        ],
        LAYOUT,
    )
    monkeypatch.setattr(parts, "BUNDLED", tmp_path)


@pytest.fixture
def hub_asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    asked: list[tuple[Any, ...]] = []

    def read_hub(
        hub: str, subset: str | None, revision: str, splits: Mapping[str, str], wanted: Mapping[str, str]
    ) -> dict[str, Columns]:
        asked.append((hub, subset, revision, dict(splits), dict(wanted)))
        return {split: Columns({role: ["x", "y"] for role in wanted}, range(1, 3)) for split in splits}

    monkeypatch.setattr(parts, "read_hub", read_hub)
    return asked


@pytest.mark.usefixtures("bundle")
def test_bundled_rows_go_to_the_split_they_name_and_keep_their_ids(files: Make) -> None:
    read = read_parts(files(bundled="toy"))
    assert {split: part.ids for split, part in read.items()} == {"train": ["t0", "t3"], "val": ["t2"], "test": ["t1"]}
    assert read["train"].columns.values["text_column"] == ["stop it", "NA"]
    assert read["train"].columns.values["label_column"] == ["no", "yes"]
    assert list(read["train"].columns.rows) == [1, 4] and read["val"].where == "toy.csv"


@pytest.mark.usefixtures("bundle")
def test_an_unknown_bundled_name_lists_those_there_are(files: Make) -> None:
    with pytest.raises(DataError, match=r"there is: toy; did you mean toy\?"):
        read_parts(files(bundled="toyy"))


@pytest.mark.parametrize(
    ("extra", "given"), [({"train": "a.csv"}, r"dataset\.train=a\.csv"), ({"hub": "x/y"}, r"dataset\.hub=x/y")]
)
@pytest.mark.usefixtures("bundle")
def test_own_rows_beside_bundled_ones_are_refused(files: Make, extra: dict[str, str], given: str) -> None:
    with pytest.raises(DataError, match=f"so {given} has no effect; type dataset=files with it"):
        read_parts(files(bundled="toy", **extra))


def test_files_get_ids_that_count_rows_from_one(files: Make, write: Callable[..., str]) -> None:
    train, test = write("a.csv", [("a", 0), ("b", 1)]), write("b.csv", [("c", 0)])
    read = read_parts(files(train=train, test=test))
    assert read["train"].ids == ["train:1", "train:2"] and read["test"].ids == ["test:1"]
    assert read["train"].where == train and "val" not in read


def test_pairs_are_read_where_their_column_is_named(files: Make, write: Callable[..., str]) -> None:
    train = write("a.csv", [("a", "b", 0)], ("text", "second", "label"))
    values = read_parts(files(train=train, text_pair_column="second"))["train"].columns.values
    assert values["text_pair_column"] == ["b"]
    assert "text_pair_column" not in read_parts(files(train=train))["train"].columns.values


def test_faults_of_all_files_come_together(files: Make, write: Callable[..., str], tmp_path: Path) -> None:
    val = write("val.csv", [("a", 0)], ("review", "label"))
    with pytest.raises(DataError) as error:
        read_parts(files(train=str(tmp_path / "no.csv"), val=val, test=str(tmp_path)))
    folder, missing, column = error.value.sentences
    assert "dataset.train=" in missing and "dataset.text_column=review" in column and "is a folder" in folder


def test_nothing_to_train_on_is_one_sentence(files: Make) -> None:
    with pytest.raises(DataError, match=r"nothing to train on; type dataset\.train=<file>$"):
        read_parts(files(test="test.csv"))


def test_split_names_go_to_the_hub(files: Make, hub_asked: list[tuple[Any, ...]]) -> None:
    read = read_parts(files(hub="x/y", subset="s", revision="v", train="train", test="validation", label_column="y"))
    wanted = {"text_column": "text", "label_column": "y"}
    assert hub_asked == [("x/y", "s", "v", {"train": "train", "test": "validation"}, wanted)]
    assert read["test"].ids == ["test:1", "test:2"] and read["test"].where == "x/y split validation"


def test_an_own_test_file_may_stand_beside_a_hub_train_split(
    files: Make, write: Callable[..., str], hub_asked: list[tuple[Any, ...]]
) -> None:
    read = read_parts(files(hub="x/y", train="train", test=write("own.csv", [("c", "x")])))
    assert hub_asked[0][3] == {"train": "train"} and read["test"].columns.values["text_column"] == ["c"]


def test_a_train_file_with_a_hub_test_split_names_both_ways_out(files: Make, hub_asked: list[tuple[Any, ...]]) -> None:
    remedy = r"type dataset\.test=<file>, or dataset\.test=null to split"
    with pytest.raises(DataError, match=remedy) as error:
        read_parts(files(hub="x/y", train="a.csv", val="validation", test="test"))
    assert len(error.value.sentences) == 2 and hub_asked == []


def test_without_a_hub_every_value_is_a_file(files: Make, write: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    with pytest.raises(DataError, match=r"a\.txt ends in \.txt; give one of"):
        read_parts(files(train=str(tmp_path / "a.txt")))


def test_beside_a_hub_a_value_is_a_file_only_where_it_reads_like_one(
    files: Make, hub_asked: list[tuple[Any, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train").mkdir()  # a folder of that name means nothing
    read_parts(files(hub="x/y", train="train", test="train[:10%]"))
    assert hub_asked[0][3] == {"train": "train", "test": "train[:10%]"}
    (tmp_path / "a.txt").touch()
    with pytest.raises(DataError, match=r"a\.txt ends in \.txt; give one of"):
        read_parts(files(hub="x/y", train="a.txt"))
    with pytest.raises(DataError, match=r"data/train does not exist"):
        read_parts(files(hub="x/y", train="data/train"))
