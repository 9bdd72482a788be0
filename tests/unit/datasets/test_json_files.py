from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from ftlab.datasets.columns import Columns
from ftlab.datasets.formats import read_file
from ftlab.errors import DataError

WANTED = {"text_column": "text", "label_column": "label"}
ROWS = [{"text": f"Text {i} — \u00fc", "other": [1, {"a": [2]}], "label": i % 2} for i in range(5)]
COLUMNS = {"id": [1, 2, 3, 4, 5], "label": [r["label"] for r in ROWS], "text": [r["text"] for r in ROWS]}


def read(tmp_path: Path, content: object) -> Columns:
    path = tmp_path / "a.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return read_file("dataset.train", str(path), WANTED)


@pytest.mark.parametrize(
    "content",
    [
        ROWS,
        json.dumps(ROWS, indent=2, ensure_ascii=False),
        "\ufeff" + json.dumps(ROWS),
        {"data": ROWS},
        {"version": 1.5, "source": {"a": [1]}, "data": ROWS, "license": None},
        COLUMNS,
        "".join(json.dumps(row) + "\n" for row in ROWS),
        "\r\n".join(json.dumps(row, indent=1) for row in ROWS),
    ],
    ids=["array", "indented", "byte order mark", "data", "data among others", "columns", "lines", "objects"],
)
def test_four_shapes_give_the_same_rows(tmp_path: Path, content: object) -> None:
    columns = read(tmp_path, content)
    assert columns.values["text_column"] == COLUMNS["text"]
    assert columns.values["label_column"] == COLUMNS["label"] and list(columns.rows) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("size", [1, 7, 63])
def test_values_may_be_cut_anywhere_by_what_is_read_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("ftlab.datasets.json_files._CHUNK", size)
    for content in (ROWS, {"data": ROWS}, COLUMNS, {"text": ["a", "b"], "label": [12345, 0]}):
        columns = read(tmp_path, content)
        expected = content if isinstance(content, dict) and "text" in content else COLUMNS
        assert columns.values["label_column"] == expected["label"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", r"is empty; write \["),
        ("3", "holds no objects; write"),
        ('["a", "b"]', "row 1 is no JSON object"),
        ('[{"text": "a", "label": 1}, 5]', "row 2 is no JSON object"),
        ('[{"text": "a", "label": 1},\n{"text": "b" "label": 1}]' + " " * 99, "line 2 is no JSON .*; write"),
        ('[{"text": "a", "label": 1},\n{"text": "b', "line 2 is no JSON .*; write"),
        ('[{"text": "a", "label": 1}', "line 1 is no JSON"),
        ('[{"text": "a", "label": 1}] x', "line 1 is no JSON .*behind the end"),
        ('[{"review": "a", "label": 1}]', r"has no column 'text' .* type dataset\.text_column=review"),
        ('{"text": ["a", "b"], "label": [1]}', r"columns of different lengths \(text 2, label 1\)"),
        ('{"text": {"0": "a"}, "label": {"0": 1}}', "is an object of objects; .* orient='records'"),
        ("[" * 100_000, "line 1 is no JSON"),
    ],
)
def test_broken_json_is_one_sentence_with_its_place(tmp_path: Path, content: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence) as error:
        read(tmp_path, content)
    assert len(error.value.sentences) == 1


def test_a_fault_early_in_a_large_file_is_found_without_reading_it_all(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    row = json.dumps({"text": "words " * 20, "label": 0})
    path.write_text("[" + ",\n".join([row, row.replace(",", ";"), *[row] * 40_000]) + "]")
    tracemalloc.start()
    with pytest.raises(DataError, match="line 2 is no JSON"):
        read_file("dataset.train", str(path), WANTED)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < path.stat().st_size / 2


def test_a_large_array_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    rows: list[dict[str, Any]] = [{"text": f"row {i} with a few words", "label": i % 3} for i in range(20_000)]
    path.write_text(json.dumps(rows))
    tracemalloc.start()
    read_file("dataset.train", str(path), WANTED)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * path.stat().st_size
