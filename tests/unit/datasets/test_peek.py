from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftlab.datasets.peek import file_columns, record_columns
from ftlab.errors import DataError
from ftlab.schema import DatasetConfig

CHAT = {"id": 1, "messages": [{"role": "user", "content": "a"}]}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", "\n" + json.dumps(CHAT) + "\n{broken"),
        ("a.json", "[" + json.dumps(CHAT) + ", broken"),
        ("a.json", json.dumps(CHAT) + "\n" + json.dumps(CHAT)),
        ("a.json", json.dumps({"version": 1, "data": [CHAT]})),
        ("a.json", json.dumps({"id": [1], "messages": [CHAT["messages"]]})),
        ("a.csv", "id;messages\n1;x\n"),
        ("a.tsv", "id\tmessages\n"),
    ],
)
def test_the_columns_of_the_first_record_are_had_without_reading_the_rest(
    tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    found = file_columns(tmp_path / name, DatasetConfig())
    assert [column for column in found if column != "version"] == ["id", "messages"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_an_empty_file_has_no_columns_to_see(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(DataError, match="is empty; give a file with"):
        file_columns(tmp_path / name, DatasetConfig())


def test_a_record_further_on_tells_which_of_its_columns_hold_something(tmp_path: Path) -> None:
    rows = [{"a": 1}, {"a": None, "b": 2}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "a.json").write_text(json.dumps(rows))
    assert record_columns(tmp_path / "a.jsonl", 2) == record_columns(tmp_path / "a.json", 2) == ["b"]
