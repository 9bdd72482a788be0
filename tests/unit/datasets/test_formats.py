from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ftlab.datasets.columns import Columns
from ftlab.datasets.formats import is_file_name, read_file
from ftlab.errors import DataError

WANTED = {"text_column": "text", "label_column": "label"}


def read(path: Path) -> Columns:
    return read_file("dataset.train", str(path), WANTED)


@pytest.mark.parametrize("name", ["a.csv", "b/A.CSV", "a.tsv", "a.jsonl", "x.y.parquet"])
def test_known_endings_make_a_file_name(name: str) -> None:
    assert is_file_name(name)


@pytest.mark.parametrize("name", ["train", "train[:10%]", "a.txt", "csv"])
def test_other_words_are_no_file_name(name: str) -> None:
    assert not is_file_name(name)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
def test_every_format_gives_the_same_columns(tmp_path: Path, name: str) -> None:
    path, rows = tmp_path / name, [('one, "two"', "NA"), ("drei — vier", "b")]
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"text": [r[0] for r in rows], "x": [1, 2], "label": [r[1] for r in rows]}), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps({"label": b, "text": a}) + "\n" for a, b in rows), encoding="utf-8")
    else:
        tab = path.suffix == ".tsv"
        quoted = [(a if tab else '"' + a.replace('"', '""') + '"', b) for a, b in [("text", "label"), *rows]]
        path.write_text("\n".join(("\t" if tab else ",").join(pair) for pair in quoted), encoding="utf-8")
    columns = read(path)
    assert columns.values == {"text_column": [r[0] for r in rows], "label_column": ["NA", "b"]}
    assert list(columns.rows) == [1, 2] and columns.label_names is None


def test_a_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.csv").write_text("text,label\na,b\n")
    assert read_file("dataset.train", "~/a.csv", WANTED).values["text_column"] == ["a"]


def test_a_missing_file_lists_close_names(tmp_path: Path) -> None:
    for name in ("train.csv", "test.csv", "notes.txt"):
        (tmp_path / name).touch()
    with pytest.raises(
        DataError,
        match=r"dataset\.train=\S*/trian\.csv does not exist; did you mean dataset\.train=\S*/train\.csv\?",
    ):
        read(tmp_path / "trian.csv")
    with pytest.raises(DataError, match=r"does not exist; .* holds test\.csv, train\.csv$"):
        read(tmp_path / "xyz.parquet")


def test_a_missing_folder_names_the_last_one_there_is(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"nor does its folder; the last folder that exists is {tmp_path}$"):
        read(tmp_path / "no" / "such" / "train.csv")
    with pytest.raises(DataError, match=r"holds no file that ends in \.csv, \.tsv, \.jsonl, \.json .* or \.parquet$"):
        read(tmp_path / "train.csv")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"{number}.csv").touch()
    with pytest.raises(DataError, match=r"is a folder; name a file in it: 0\.csv, .*7\.csv, \.\.\.$"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["a.xlsx", "a"])
def test_an_unsupported_ending_lists_the_supported_ones(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(
        DataError, match=r"ends in (\.xlsx|nothing); give one of \.csv, \.tsv, \.jsonl, \.json .* or \.parquet"
    ):
        read(tmp_path / name)


def test_jsonl_keeps_types_counts_lines_and_skips_blank_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '\ufeff{"text": "a", "label": true}\r\n\r\n{"text": "b", "label": 2}\r\n{"text": null}\n', encoding="utf-8"
    )
    columns = read(path)
    assert columns.values == {"text_column": ["a", "b", ""], "label_column": [True, 2, None]}
    assert list(columns.rows) == [1, 3, 4]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"text": "a", "label": 1}\n{"text": "b"\n', r"line 2 is no JSON \(.*\); write one object per line"),
        ('[{"text": "a"}]\n', "line 1 is no JSON object; write one per line"),
        ("[" * 100_000, "line 1 is no JSON"),
        ("\n\n", "is empty; give a file with one JSON object per line"),
        (b'{"text": "caf\xe9", "label": 1}\n', r"line 1 is not UTF-8 \(byte 0xe9\)"),
        ('{"review": "a", "label": 1}\n', r"has no column 'text' .* type dataset\.text_column=review"),
    ],
)
def test_broken_jsonl_names_its_line(tmp_path: Path, content: str | bytes, sentence: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError, match=r"a\.jsonl " + sentence):
        read(path)


@pytest.mark.parametrize("label", [[0, 1], [True, False], ["a", None], pa.array(["a", "b"]).dictionary_encode()])
def test_parquet_labels_may_be_integers_booleans_text_or_categories(tmp_path: Path, label: Any) -> None:
    pq.write_table(pa.table({"text": ["x", None], "label": label}), tmp_path / "a.parquet")
    columns = read(tmp_path / "a.parquet")
    assert columns.values["label_column"] == (label if isinstance(label, list) else ["a", "b"])
    assert columns.values["text_column"] == ["x", ""] and columns.values["text_column"].odd == {1: None}


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"text": [1, 2], "label": [0, 1]}, r"column 'text' holds int64, not text; choose with dataset\.text_column="),
        ({"text": ["a"], "label": [[1]]}, r"column 'label' holds list<.*>, not text, integers or booleans"),
        ({"review": ["a"], "label": [1]}, r"has no column 'text' .* type dataset\.text_column=review"),
    ],
)
def test_a_parquet_column_of_the_wrong_kind_is_refused(tmp_path: Path, table: dict[str, Any], sentence: str) -> None:
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=sentence):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize("damage", ["no parquet", "cut", "flipped"])
def test_damaged_parquet_is_one_sentence(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.parquet"
    texts = [f"text number {i} of many" for i in range(2000)]
    pq.write_table(pa.table({"text": texts, "label": [0, 1] * 1000}), path, compression="zstd", use_dictionary=False)
    content = path.read_bytes()
    broken = {"no parquet": b"text,label\n", "cut": content[:-100], "flipped": b"PAR1" + b"\xff" * 400 + content[404:]}
    path.write_bytes(broken[damage])
    with pytest.raises(DataError, match=r"a\.parquet cannot be read as parquet \(.+\); write the file again"):
        read(path)


def test_parquet_of_the_datasets_library_brings_its_label_names(tmp_path: Path) -> None:
    table = pa.table({"text": ["a", "b"], "label": [1, 0]})
    features = {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}, "text": {"_type": "Value"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").label_names == ["neg", "pos"]
    pq.write_table(table.replace_schema_metadata({"huggingface": "[]"}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").label_names is None
