from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.datasets.sources import read_splits
from ftlab.errors import DataError
from ftlab.schema import DatasetConfig

Make = Callable[..., DatasetConfig]
Write = Callable[..., str]


def rows(name: str, number: int = 20) -> list[tuple[str, int]]:
    return [(f"{name} {i}", i % 2) for i in range(number)]


@pytest.fixture
def put(tmp_path: Path, write: Write) -> Callable[..., None]:
    def make(*names: str, header: tuple[str, ...] = ("text", "label")) -> None:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            write(name, rows(name), header)

    return make


@pytest.mark.parametrize(
    ("names", "val", "test"),
    [
        (("train.csv", "val.csv", "test.csv"), "val.csv", "test.csv"),
        (("Training.csv", "dev.csv", "TEST.csv", "notes.csv"), "dev.csv", "TEST.csv"),
        (("train.csv", "validation.csv", "train_small.csv"), "validation.csv", None),
        (("data/train.csv", "data/valid.csv"), "data/valid.csv", None),
        (("imdb_train.csv", "imdb-test.csv"), None, "imdb-test.csv"),
        (("train/a.csv", "test/b.csv"), None, "test/b.csv"),
    ],
)
def test_a_folder_gives_the_splits_it_holds_and_says_which(
    files: Make, put: Callable[..., None], tmp_path: Path, names: tuple[str, ...], val: str | None, test: str | None
) -> None:
    put(*names)
    splits = read_splits(files(train=str(tmp_path)))
    assert splits.train.texts[0].startswith(names[0])
    assert splits.val.texts[0].startswith(val or names[0]) and splits.test.texts[0].startswith(test or names[0])
    (note,) = [note for note in splits.notes if "is a folder" in note]
    assert names[0] in note and (val is None or val in note) and ("split off train" in note) == (None in (val, test))


def test_a_file_that_is_given_goes_before_the_one_in_the_folder(
    files: Make, put: Callable[..., None], tmp_path: Path
) -> None:
    put("d/train.csv", "d/test.csv", "own.csv")
    splits = read_splits(files(train=str(tmp_path / "d"), test=str(tmp_path / "own.csv")))
    assert splits.test.texts[0] == "own.csv 0"


def test_shards_are_read_in_order_and_rows_name_their_file(
    files: Make, put: Callable[..., None], tmp_path: Path
) -> None:
    put("train-00001-of-00002.csv", "train-00000-of-00002.csv", "test.csv")
    splits = read_splits(files(train=str(tmp_path), val=str(tmp_path / "test.csv")))
    assert splits.train.ids[0] == "train:train-00000-of-00002.csv:1" and len(splits.train) == 40
    assert splits.train.ids[20] == "train:train-00001-of-00002.csv:1" and splits.test.ids[0] == "test:1"


def test_two_files_for_one_split_are_not_guessed(files: Make, put: Callable[..., None], tmp_path: Path) -> None:
    put("train.csv")
    (tmp_path / "train.jsonl").write_text('{"text": "a", "label": 1}\n')
    with pytest.raises(DataError, match=r"several files for train \(train\.csv, train\.jsonl\); name one, e\.g\. "):
        read_splits(files(train=str(tmp_path)))


def test_a_folder_without_train_lists_what_it_holds(files: Make, put: Callable[..., None], tmp_path: Path) -> None:
    put("a.csv", "b.csv")
    with pytest.raises(DataError, match=r"without a file called train; it holds a\.csv, b\.csv; .*/\*\.csv' for all"):
        read_splits(files(train=str(tmp_path)))
    with pytest.raises(DataError, match=r"is a folder without a csv, .* file; name another"):
        (tmp_path / "empty").mkdir()
        read_splits(files(train=str(tmp_path / "empty")))


def test_a_pattern_reads_its_files_in_sorted_order(files: Make, put: Callable[..., None], tmp_path: Path) -> None:
    put("part-2.csv", "part-1.csv", "x/part-3.csv")
    whole = read_splits(files(train=f"{tmp_path}/part-*.csv", val=f"{tmp_path}/x/*.csv", test=f"{tmp_path}/x/*.csv"))
    assert whole.train.ids[0] == "train:part-1.csv:1" and whole.train.ids[39] == "train:part-2.csv:20"
    deep = read_splits(files(train=f"{tmp_path}/**/part-*.csv", val=f"{tmp_path}/part-1.csv"))
    assert {name.rsplit(":", 1)[0] for name in [*deep.train.ids, *deep.test.ids]} == {
        "train:part-1.csv",
        "train:part-2.csv",
        "train:x/part-3.csv",
    }


def test_faults_in_parts_name_file_and_row(files: Make, put: Callable[..., None], tmp_path: Path) -> None:
    put("part-1.csv")
    (tmp_path / "part-2.csv").write_text("text,label\nfine,0\n ,1\nfine,\n")
    with pytest.raises(DataError) as error:
        read_splits(files(train=f"{tmp_path}/part-*.csv"))
    assert [told.split("/")[-1] for told in error.value.sentences] == [
        "part-2.csv row 2: column 'text' is empty; fill it in or delete the row",
        "part-2.csv row 3: column 'label' is empty; label the row or delete it",
    ]


def test_parts_with_other_columns_are_refused(
    files: Make, put: Callable[..., None], write: Write, tmp_path: Path
) -> None:
    put("part-1.csv")
    write("part-2.csv", [("a", 1, 2)], ("text", "label", "more"))
    with pytest.raises(
        DataError, match=r"part-2\.csv has the columns text, label, more, and \S+part-1\.csv has text, l"
    ):
        read_splits(files(train=f"{tmp_path}/part-*.csv"))


def test_a_pattern_without_files_lists_those_nearby(files: Make, put: Callable[..., None], tmp_path: Path) -> None:
    put("a.csv")
    with pytest.raises(DataError, match=r"part-\*\.csv' matches no file; .* holds a\.csv; type another pattern"):
        read_splits(files(train=f"{tmp_path}/part-*.csv"))
    (tmp_path / "a.txt").touch()
    with pytest.raises(DataError, match=r"matches \S*a\.txt too, which is no data file; type a pattern"):
        read_splits(files(train=f"{tmp_path}/a.*"))


def test_a_folder_per_label_is_read_text_by_text(files: Make, tmp_path: Path) -> None:
    for split in ("train", "test"):
        for label in ("sport", "tech"):
            (tmp_path / split / label).mkdir(parents=True)
            for i in range(10):
                (tmp_path / split / label / f"{i:02d}.txt").write_text(f"{split} {label}\nnumber {i}", encoding="utf-8")
    splits = read_splits(files(train=str(tmp_path)))
    assert splits.labels == ["sport", "tech"] and len(splits.test) == 20 and len(splits.train) + len(splits.val) == 20
    assert splits.test.ids[0] == "test:sport/00.txt:1" and splits.test.texts[19] == "test tech\nnumber 9"
    alone = read_splits(files(train=str(tmp_path / "train")))
    assert len(alone.train) + len(alone.val) + len(alone.test) == 20
    (tmp_path / "train" / "tech" / "03.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DataError, match=r"tech/03\.txt line 1 is not UTF-8"):
        read_splits(files(train=str(tmp_path)))


def test_a_folder_stands_in_for_a_hub_data_set(files: Make, put: Callable[..., None], tmp_path: Path) -> None:
    put("train.csv", "dev.csv", "test.csv")
    cfg = files(hub="x/y", train=str(tmp_path), test="validation", text_column="sentence", labels=["no", "yes"])
    splits = read_splits(cfg)
    assert splits.test.texts[0] == "test.csv 0" and splits.val.texts[0] == "dev.csv 0"
    assert f"{tmp_path}/train.csv has no column 'sentence', so its column 'text' was read" in splits.notes
    put("other/train.csv", header=("text", "sentence"))
    with pytest.raises(DataError, match=r"no column 'sentenc' .*; type dataset\.text_column=sentence"):
        read_splits(files(hub="x/y", train=f"{tmp_path}/other", label_column="text", text_column="sentenc"))
