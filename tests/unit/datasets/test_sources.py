from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ftlab.datasets.sources import read_splits
from ftlab.errors import ConfigError, DataError
from ftlab.schema import DatasetConfig, LimitConfig

Make = Callable[..., DatasetConfig]
Write = Callable[..., str]
STANCE = {"name": "policy_stance", "bundled": "policy_stance", "labels": ["oppose", "neutral", "support"]}


def balanced(number: int, prefix: str = "text") -> list[tuple[str, str]]:
    return [(f"{prefix} {i}", "no" if i % 2 else "yes") for i in range(number)]


def test_the_bundled_default_is_balanced_and_without_duplicates_or_leaks() -> None:
    splits = read_splits(DatasetConfig(**STANCE))
    for rows in (splits.train, splits.val, splits.test):
        assert len(set(rows.counts(3))) == 1
    total = len(splits.train) + len(splits.val) + len(splits.test)
    assert total >= 1600 and abs(len(splits.train) / total - 0.6) < 0.01 and abs(len(splits.val) / total - 0.1) < 0.01
    assert len({*splits.train.ids, *splits.val.ids, *splits.test.ids}) == total
    assert splits.duplicate_rows == splits.leaked_rows == 0 and splits.notes == []


def test_the_same_rows_in_every_format_give_the_same_splits(files: Make, write: Write, tmp_path: Path) -> None:
    rows = [(text, label == "yes") for text, label in balanced(40)]
    texts, labels = [r[0] for r in rows], [r[1] for r in rows]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": t, "label": v}) + "\n" for t, v in rows))
    pq.write_table(pa.table({"text": texts, "label": labels}), tmp_path / "a.parquet")
    (tmp_path / "a.tsv").write_text("text\tlabel\n" + "".join(f"{t}\t{v}\n" for t, v in rows))
    paths = [write("a.csv", rows), *(str(tmp_path / f"a.{kind}") for kind in ("tsv", "jsonl", "parquet"))]
    read = [read_splits(files(train=path)) for path in paths]
    assert read[0].labels == ["False", "True"]
    assert all(splits == read[0] for splits in read)


def test_made_splits_do_not_move_with_anything_but_the_split_seed(files: Make, write: Write) -> None:
    path = write("a.csv", balanced(100))
    one, same = read_splits(files(train=path)), read_splits(files(train=path, batch_size=3, max_length=9))
    other = read_splits(files(train=path, split_seed=14))
    assert one == same and other.digest != one.digest
    assert (len(one.train), len(one.val), len(one.test)) == (70, 10, 20)
    assert one.train.counts(2) == [35, 35] and one.val.counts(2) == [5, 5] and one.test.counts(2) == [10, 10]


def test_a_given_test_split_is_left_whole_and_val_comes_off_train(files: Make, write: Write) -> None:
    cfg = files(train=write("a.csv", balanced(40)), test=write("b.csv", balanced(7, "other")), val_fraction=0.25)
    splits = read_splits(cfg)
    assert (len(splits.train), len(splits.val), len(splits.test)) == (30, 10, 7)
    assert splits.test.ids == [f"test:{i}" for i in range(1, 8)]
    assert all(name.startswith("train:") for name in splits.val.ids)
    row = int(splits.val.ids[0].split(":")[1])
    assert splits.val.texts[0] == f"text {row - 1}"  # ids say where a row stands in its file


def test_pairs_stay_beside_their_texts(files: Make, write: Write) -> None:
    rows = [(f"t{i}", f"p{i}", i % 2) for i in range(20)]
    path = write("a.csv", rows, ("text", "pair", "label"))
    splits = read_splits(files(train=path, text_pair_column="pair"))
    assert splits.train.pairs is not None
    assert [p[1:] for p in splits.train.pairs] == [t[1:] for t in splits.train.texts]
    assert splits.digest != read_splits(files(train=path)).digest


def test_sample_per_class_draws_from_train_and_test_and_shrinks_a_made_val(files: Make, write: Write) -> None:
    path, test = write("a.csv", balanced(400)), write("b.csv", balanced(60, "other"))
    splits = read_splits(files(train=path, test=test, sample_per_class=50))
    assert splits.train.counts(2) == [50, 50] and splits.val.counts(2) == [5, 5] and splits.test.counts(2) == [30, 30]
    assert splits.notes == ["test has fewer than 50 rows of some labels, all are taken: no 30, yes 30"]
    given = read_splits(files(train=path, val=test, test=test, sample_per_class=50))
    assert len(given.val) == 60


def test_limits_are_stratified_and_change_the_digest_of_their_split_only(files: Make, write: Write) -> None:
    path = write("a.csv", balanced(400))
    whole = read_splits(files(train=path))
    limited = read_splits(files(train=path, limit=LimitConfig(train=20, val=4)))
    assert limited.train.counts(2) == [10, 10] and limited.val.counts(2) == [2, 2]
    assert limited.test == whole.test and limited.test_digest == whole.test_digest and limited.digest != whole.digest
    assert read_splits(files(train=path, limit=LimitConfig(test=6))).test.counts(2) == [3, 3]


@pytest.fixture
def leaky(write: Write) -> dict[str, Any]:
    train = [*balanced(20), ("text 0", "yes"), ("TEXT  1", "no")]
    return {
        "train": write("a.csv", train),
        "val": write("v.csv", balanced(4, "val")),
        "test": write("b.csv", [("Text 1", "no"), ("text 0 ", "yes"), ("new", "yes")]),
    }


def test_duplicates_and_leaks_are_counted_and_by_default_only_told(files: Make, leaky: dict[str, Any]) -> None:
    splits = read_splits(files(**leaky))
    assert splits.duplicate_rows == 1 and splits.leaked_rows == 2 and len(splits.train) == 22
    assert splits.notes == [
        "2 of 3 test texts stand in train (0 to the letter, 2 but for case or spaces), so test scores flatter; take "
        "them out of train with dataset.on_leak=drop"
    ]


def test_on_leak_drop_takes_the_rows_out_of_train(files: Make, leaky: dict[str, Any]) -> None:
    splits = read_splits(files(**leaky, on_leak="drop"))
    assert splits.leaked_rows == 2 and len(splits.train) == 18 and len(splits.test) == 3
    assert not {"text 0", "text 1", "TEXT  1"} & set(splits.train.texts)
    assert "took 4 rows out of train" in splits.notes[0]


def test_on_leak_fail_names_the_first_row_and_both_ways_out(files: Make, leaky: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"first: train:1\).*type dataset\.on_leak=drop .* or dataset\.on_leak=warn"):
        read_splits(files(**leaky, on_leak="fail"))


def test_one_class_is_refused_with_the_column(files: Make, write: Write) -> None:
    with pytest.raises(
        DataError, match=r"a\.csv has the label 'x' in every row, .*dataset\.label_column=<column> \(now"
    ):
        read_splits(files(train=write("a.csv", [("a", "x"), ("b", "x")])))


def test_one_class_after_a_limit_names_the_limit(files: Make, write: Write) -> None:
    rows = balanced(20)
    path, other = write("a.csv", rows), write("b.csv", balanced(4, "other"))
    with pytest.raises(
        DataError, match=r"left with 1 rows of fewer than two labels after dataset\.limit\.train=1; type a"
    ):
        read_splits(files(train=path, val=other, test=other, limit=LimitConfig(train=1)))
    with pytest.raises(DataError, match=r"after dataset\.on_leak=drop; .* dataset\.on_leak=warn"):
        read_splits(files(train=path, val=other, test=path, on_leak="drop"))


def test_empty_splits_are_named_together(files: Make, write: Write) -> None:
    train, empty = write("a.csv", balanced(9)), write("empty.csv", [])
    with pytest.raises(DataError) as error:
        read_splits(files(train=train, val=empty, test=empty))
    assert [s.split("/")[-1] for s in error.value.sentences] == [
        "empty.csv has no rows for val; give another file with dataset.val=<file>",
        "empty.csv has no rows for test; give another file with dataset.test=<file>",
    ]
    with pytest.raises(DataError, match=r"empty\.csv has no rows for train"):
        read_splits(files(train=empty))


def test_too_few_rows_to_split_say_what_to_give(files: Make, write: Write) -> None:
    with pytest.raises(DataError, match=r"2 rows in 2 labels, too few to split test rows off .* dataset\.test=<file>"):
        read_splits(files(train=write("a.csv", balanced(2))))


def test_bad_texts_name_their_rows_in_all_splits(files: Make, tmp_path: Path) -> None:
    train = [{"text": "fine", "label": 0}, {"text": None, "label": 1}, {"text": " \t", "label": 1}, {"label": 0}]
    test = [{"text": 5, "label": 0}, {"text": "a\0b", "label": 1}, {"text": "x" * 1_000_001, "label": 1}]
    for name, rows in (("a", train), ("b", test)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with (tmp_path / "b.jsonl").open("a") as file:
        file.write('{"text": "half \\ud83d", "label": 0}\n')
    with pytest.raises(DataError) as error:
        read_splits(files(train=str(tmp_path / "a.jsonl"), test=str(tmp_path / "b.jsonl")))
    told = [sentence.split("/")[-1] for sentence in error.value.sentences]
    empty = "column 'text' is empty; fill it in or delete the row"
    assert told[:3] == [f"a.jsonl row {row}: {empty}" for row in (2, 3, 4)]
    assert told[3].startswith("b.jsonl row 1: column 'text' holds a int, not text; choose another column")
    assert told[4].startswith("b.jsonl row 2: column 'text' holds a NUL character; take it out")
    assert told[5].startswith("b.jsonl row 3: column 'text' has 1,000,001 characters, more than 1,000,000; cut")
    assert told[6].startswith("b.jsonl row 4: column 'text' holds half a surrogate pair")


def test_an_empty_second_text_is_told_by_its_column(files: Make, write: Write) -> None:
    path = write("a.csv", [("a", "", 0), ("b", "c", 1)], ("text", "pair", "label"))
    with pytest.raises(DataError, match=r"row 1: column 'pair' is empty"):
        read_splits(files(train=path, text_pair_column="pair"))


def test_texts_beyond_ascii_are_kept_to_the_letter(files: Make, write: Write) -> None:
    rows = [("naïve — “quoted” 🙂 مرحبا", 0), ("  spaces kept  ", 1)]
    path = write("a.csv", rows)
    assert read_splits(files(train=path, val=path, test=path)).train.texts == [r[0] for r in rows]


def test_an_unknown_label_in_test_names_value_row_and_file(files: Make, write: Write) -> None:
    train, test = write("a.csv", balanced(20)), write("b.csv", [("new", "yes"), ("newer", "maybe")])
    with pytest.raises(DataError, match=r"b\.csv row 2 has the label 'maybe'; allowed: no, yes; correct the row$"):
        read_splits(files(train=train, test=test))


def test_label_faults_stop_at_ten_sentences(files: Make, write: Write) -> None:
    with pytest.raises(DataError) as error:
        read_splits(files(train=write("a.csv", [(f"text {i}", f"label {i}") for i in range(30)]), labels=["a", "b"]))
    assert len(error.value.sentences) == 10 and "and 21 more faults" in error.value.sentences[-1]


def test_a_label_missing_from_the_given_ones_is_one_sentence(files: Make, write: Write) -> None:
    with pytest.raises(DataError, match=r"^\S+a\.csv row 1 and 9 more rows have the label 'yes'; .* dataset\.labels$"):
        read_splits(files(train=write("a.csv", balanced(20)), labels=["no", "maybe"]))


def test_given_labels_are_checked_first_and_absent_ones_refused(files: Make, write: Write) -> None:
    path = write("a.csv", balanced(30))
    with pytest.raises(DataError, match="name two labels"):
        read_splits(files(train=path, labels=["yes"]))
    with pytest.raises(DataError, match=r"no row of the label 'maybe' .*, or type 'dataset\.labels=\[yes,no\]'$"):
        read_splits(files(train=path, labels=["yes", "no", "maybe"]))


def test_an_absent_label_of_numbered_rows_is_left_out_by_the_numbers_there_are(files: Make, write: Write) -> None:
    path = write("a.csv", [(f"text {i}", 2 * (i % 2)) for i in range(20)])
    with pytest.raises(DataError, match=r"no row of the label 'neutral' .*, or type 'dataset\.labels=\[0,2\]'$"):
        read_splits(files(train=path, labels=["no", "neutral", "yes"]))
    assert read_splits(files(train=path, labels=["0", "2"])).labels == ["0", "2"]


def test_a_label_that_is_cut_away_by_a_limit_is_noted(files: Make, write: Write) -> None:
    path = write("a.csv", [(f"text {i}", i % 3) for i in range(30)])
    splits = read_splits(files(train=path, limit=LimitConfig(train=2)))
    assert splits.notes == ["train has no row of 2, so the model cannot learn to predict it"]


def test_a_named_label_that_only_test_has_is_told_by_both_files(files: Make, tmp_path: Path) -> None:
    features = {"label": {"names": ["a", "b", "c"], "_type": "ClassLabel"}}
    for name, labels in (("train", [0, 1]), ("test", [1, 2])):
        table = pa.table({"text": [f"{name} {i}" for i in range(20)], "label": labels * 10})
        kept = {"huggingface": json.dumps({"info": {"features": features}})}
        pq.write_table(table.replace_schema_metadata(kept), tmp_path / f"{name}.parquet")
    train, test = str(tmp_path / "train.parquet"), str(tmp_path / "test.parquet")
    with pytest.raises(
        DataError, match=r"train\.parquet has no row of the label 'c', and \S+test\.parquet row 2 has it"
    ):
        read_splits(files(train=train, test=test))
    assert read_splits(files(train=train)).notes == ["train has no row of c, so the model cannot learn to predict it"]


def test_label_names_in_a_parquet_file_are_used_unless_given(files: Make, tmp_path: Path) -> None:
    features = {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}
    table = pa.table({"text": [f"t{i}" for i in range(20)], "label": [0, 1] * 10})
    path = tmp_path / "a.parquet"
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})}), path)
    assert read_splits(files(train=str(path))).labels == ["neg", "pos"]
    assert read_splits(files(train=str(path), labels=["bad", "good"])).labels == ["bad", "good"]


def test_option_faults_come_before_any_file_is_touched(files: Make) -> None:
    with pytest.raises(ConfigError, match=r"dataset\.batching=x"):
        read_splits(files(train="no/such.csv", batching="x"))


def test_notes_of_a_reader_reach_the_user(files: Make, tmp_path: Path) -> None:
    rows = "".join(f'"quote {i}\t{i % 2}\n' for i in range(20))
    (tmp_path / "a.tsv").write_text("text\tlabel\n" + rows)
    assert "quotes as plain characters" in read_splits(files(train=str(tmp_path / "a.tsv"))).notes[0]


LONG = "with a few words more than none, so that it has the length of a tweet"


@pytest.mark.slow
def test_a_hundred_thousand_rows_are_read_and_split_in_seconds(files: Make, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f'"row {i} {LONG}",{i % 5}\n' for i in range(100_000)))
    start = time.process_time()
    assert len(read_splits(files(train=str(path))).train) == 70_000
    assert time.process_time() - start < 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "group"),
    [
        (500_000, "who"),
        pytest.param(2_000_000, None, marks=pytest.mark.slow),
        pytest.param(20_000_000, "who", marks=pytest.mark.slow),
    ],
)
def test_reading_short_rows_takes_less_than_four_times_the_file_in_memory(
    files: Make, tmp_path: Path, size: int, group: str | None
) -> None:
    path = tmp_path / "a.csv"
    read_splits(DatasetConfig(**STANCE))  # what is imported late is not the file's
    rows = (f"row {i:07d} with a few short words 🙂,{i % 5},u{i // 3}\n" for i in range(size // 50))
    path.write_text("text,label,who\n" + "".join(rows), encoding="utf-8")
    tracemalloc.start()
    read_splits(files(train=str(path), group_column=group))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * path.stat().st_size


def test_reading_files_imports_neither_torch_nor_transformers(write: Write) -> None:
    code = (
        "import sys\nfrom ftlab.datasets.sources import read_splits\nfrom ftlab.schema import DatasetConfig\n"
        f"read_splits(DatasetConfig(name='x', train={write('a.csv', balanced(40))!r}))\n"
        "print({'torch', 'transformers', 'lightning', 'datasets', 'pandas', 'pyarrow'} & set(sys.modules))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.strip() == "set()"


def test_made_splits_never_leak(files: Make, write: Write) -> None:
    path = write("a.csv", [(f"{'TEXT ' if i % 3 else 'text'} {i // 4}", i % 2) for i in range(400)])
    splits = read_splits(files(train=path))
    assert splits.leaked_rows == 0 and splits.notes == [] and splits.duplicate_rows > 0
    assert (len(splits.test), len(splits.val)) == (80, 40)


def test_made_splits_keep_groups_apart(files: Make, write: Write) -> None:
    path = write("a.csv", [(f"text {i}", i % 2, f"w{i // 5}") for i in range(400)], ("text", "label", "who"))
    splits = read_splits(files(train=path, group_column="who"))
    named = [{int(name.split(":")[1]) - 1 for name in rows.ids} for rows in (splits.train, splits.val, splits.test)]
    train, val, test = ({i // 5 for i in rows} for rows in named)
    assert not train & val and not train & test and not val & test
    assert abs(len(splits.test) - 80) <= 5 and abs(len(splits.val) - 40) <= 5
    assert splits == read_splits(files(train=path, group_column="who"))


def test_rows_without_a_group_stand_alone_and_one_group_cannot_be_split(files: Make, write: Write) -> None:
    header = ("text", "label", "who")
    alone = write("a.csv", [(f"text {i}", i % 2, "") for i in range(100)], header)
    plain = read_splits(files(train=alone))
    assert read_splits(files(train=alone, group_column="who")).digest == plain.digest
    one = write("b.csv", [(f"text {i}", i % 2, "w") for i in range(100)], header)
    with pytest.raises(DataError, match=r"2 labels, 1 groups by who, too few to split test rows off"):
        read_splits(files(train=one, group_column="who"))


def test_given_splits_that_share_a_group_are_counted(files: Make, write: Write) -> None:
    header = ("text", "label", "who")
    train = write("a.csv", [(f"text {i}", i % 2, f"w{i // 5}") for i in range(100)], header)
    test = write("b.csv", [(f"new {i}", i % 2, f"w{i}") for i in range(15, 25)], header)
    splits = read_splits(files(train=train, val=test, test=test, group_column="who"))
    assert "5 of 10 test rows share their who with rows of train" in " ".join(splits.notes)
    dropped = read_splits(files(train=train, test=test, group_column="who", on_leak="drop"))
    assert not {int(name.split(":")[1]) for name in dropped.train.ids} & set(range(76, 101)) and not dropped.leaked_rows


def test_a_label_column_of_names_for_single_rows_is_refused(files: Make, write: Write) -> None:
    with pytest.raises(DataError, match=r"20 rows and as many labels, one for each row; choose .* \(now label\)$"):
        read_splits(files(train=write("a.csv", [(f"text {i}", f"id{i}") for i in range(20)])))
    with pytest.raises(DataError, match=r"2 rows for 3 labels, fewer than one each; add rows"):
        read_splits(files(train=write("b.csv", [("a", "x"), ("b", "y")]), labels=["x", "y", "z"]))


def test_a_gap_in_integer_labels_is_refused_and_named_labels_let_it_pass(files: Make, write: Write) -> None:
    path = write("a.csv", [(f"text {i}", 4 * (i % 2)) for i in range(20)])
    with pytest.raises(DataError, match=r"from 0 to 4 and no row of 1; .* 'dataset\.labels=\[0,4\]'"):
        read_splits(files(train=path))
    assert read_splits(files(train=path, labels=["0", "4"])).labels == ["0", "4"]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("folder", "options", "rows", "labels"),
    [
        (
            "imdb",
            {"hub": "stanfordnlp/imdb", "labels": ["negative", "positive"]},
            (1800, 200, 2000),
            ["negative", "positive"],
        ),
        ("phishing", {"val": "validation.csv", "labels": ["safe", "phishing"]}, (2100, 450, 450), ["safe", "phishing"]),
        ("sst2", {"val": "dev.csv"}, (6920, 872, 1821), ["0", "1"]),
    ],
)
def test_real_files_are_read_as_they_are(
    files: Make, folder: str, options: dict[str, Any], rows: tuple[int, int, int], labels: list[str]
) -> None:
    if not (root := os.environ.get("FTLAB_TEST_DATA")):
        pytest.skip("FTLAB_TEST_DATA does not name the folder of the real data sets")
    named = {"train": "train.csv", "test": "test.csv", **options}
    paths = {k: f"{root}/{folder}/{v}" for k, v in named.items() if k in ("train", "val", "test")}
    splits = read_splits(files(**{**named, **paths}))
    assert (len(splits.train), len(splits.val), len(splits.test)) == rows and splits.labels == labels
