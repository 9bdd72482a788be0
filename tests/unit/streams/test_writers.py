import csv
import datetime
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ftlab.errors import DataError
from ftlab.streams.writers import make_writer

ADDED = {"prediction": str, "p_yes": float}
DONE = {"prediction": "yes", "p_yes": 0.75}


def written(tmp_path, kind, chunks, schema=None):
    writer = make_writer(kind, f"out.{kind}", schema, ADDED)
    partial, target = tmp_path / "partial", tmp_path / f"out.{kind}"
    partial.write_bytes(b"".join(writer.encode(rows) for rows in chunks))
    writer.finish(partial, target)
    assert [p.name for p in tmp_path.iterdir()] == [target.name]
    return target


def test_json_lines_keep_every_kind_of_value(tmp_path):
    rows = [
        {"id": 1, "tags": ["a"], "text": "né\n", **DONE},
        {"when": datetime.date(2024, 1, 2), "raw": b"x", "half": "\ud800", "prediction": None, "p_yes": None},
    ]
    lines = written(tmp_path, "jsonl", [rows[:1], rows[1:]]).read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0]) == rows[0] and "né" in lines[0]
    assert json.loads(lines[1]) == {**rows[1], "when": "2024-01-02", "raw": "eA=="}


@pytest.mark.parametrize("kind, delimiter", [("csv", ","), ("tsv", "\t")])
def test_delimited_files_have_one_header_and_can_be_read_back(tmp_path, kind, delimiter):
    first = [{"id": "1", "text": 'a, "b"\tc\nd', **DONE}, {"id": None, "text": "x", "tags": ["é"], **DONE}]
    path = written(tmp_path, kind, [first, [{"text": "y", **DONE}]])
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline=""), delimiter=delimiter))
    assert list(rows[0]) == ["id", "text", "prediction", "p_yes", "tags"]
    assert [row["text"] for row in rows] == ['a, "b"\tc\nd', "x", "y"]
    assert rows[1]["tags"] == '["é"]' and rows[1]["id"] == "" and rows[2]["p_yes"] == "0.75"


def test_a_column_that_comes_after_the_header_is_refused():
    writer = make_writer("csv", "out.csv", None, ADDED)
    writer.encode([{"text": "a"}])
    with pytest.raises(DataError, match=r"a later row has a column 'new' besides; write output=out\.jsonl"):
        writer.encode([{"text": "a", "new": 1}])


def test_parquet_keeps_the_types_of_a_parquet_input(tmp_path):
    schema = pa.schema([("id", pa.int16()), ("when", pa.timestamp("ms")), ("text", pa.string())])
    row = {"id": 1, "when": datetime.datetime(2024, 1, 2), "text": "a", **DONE}
    table = pq.read_table(written(tmp_path, "parquet", [[row], [{**row, "id": None}]], schema))
    assert table.schema == pa.schema([*schema, ("prediction", pa.string()), ("p_yes", pa.float32())])
    assert table.to_pylist() == [row, {**row, "id": None}]


def test_parquet_finds_one_type_for_all_chunks_and_text_where_there_is_none(tmp_path):
    chunks = [
        [{"n": 1, "mixed": 1, "late": None, **DONE}],
        [{"n": 0.5, "mixed": "a", "late": "x", **DONE}, {"n": None, "mixed": ["b"], **DONE}],
        [{"more": True, "prediction": None, "p_yes": None}],
    ]
    table = pq.read_table(written(tmp_path, "parquet", chunks))
    assert table.column_names == ["n", "mixed", "late", "more", "prediction", "p_yes"]
    assert table.column("n").to_pylist() == [1.0, 0.5, None, None]
    assert table.column("mixed").to_pylist() == ["1", "a", '["b"]', None]
    assert table.column("late").to_pylist() == [None, "x", None, None]
    assert table.column("more").to_pylist() == [None, None, None, True]
