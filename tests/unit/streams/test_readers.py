import gzip
import io
import json
import types

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ftlab.errors import DataError
from ftlab.streams.readers import open_source

ROWS = [{"id": "1", "text": "a fine, film"}, {"id": "2", "text": 'says "no"\nto it'}]
CSV = 'id,text\n1,"a fine, film"\n2,"says ""no""\nto it"\n'


def read(path, kind=None):
    with open_source(str(path), kind) as source:
        return list(source.rows)


def refused(path, kind=None):
    with pytest.raises(DataError) as caught:
        read(path, kind)
    (sentence,) = caught.value.sentences
    return sentence


def pipe(monkeypatch, data):
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO(data)))
    return read("-")


@pytest.mark.parametrize(
    "name, data",
    [
        ("a.csv", CSV),
        ("a.csv", "\ufeff" + CSV.replace("\n1", "\r\n1").replace("\n2", "\r\n2")),
        ("a.csv", "\n" + CSV.replace("1,", "1;").replace("2,", "2;").replace("id,", "id;")),
        ("a.tsv", 'id\ttext\n1\ta fine, film\n2\t"says ""no""\nto it"\n'),
        ("a.jsonl", "\n".join(map(json.dumps, ROWS)) + "\n\n"),
        ("a.json", json.dumps(ROWS)),
    ],
)
def test_every_text_format_gives_the_same_rows_packed_or_not(tmp_path, name, data):
    (tmp_path / name).write_bytes(data.encode())
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(data.encode()))
    for path in (tmp_path / name, packed):
        assert [row for _, row in read(path)] == ROWS


def test_parquet_gives_the_same_rows_and_its_schema(tmp_path):
    pq.write_table(pa.Table.from_pylist(ROWS * 1500), tmp_path / "a.parquet")
    rows = read(tmp_path / "a.parquet")
    assert [row for _, row in rows] == ROWS * 1500 and rows[-1][0] == 3000
    with open_source(str(tmp_path / "a.parquet")) as source:
        assert source.schema.names == ["id", "text"]


def test_rows_are_known_by_the_line_they_begin_on(tmp_path):
    (tmp_path / "a.csv").write_text(CSV + "\n3,x\n")
    assert [number for number, _ in read(tmp_path / "a.csv")] == [2, 3, 6]
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n\n{"text": "b"}\n')
    assert [number for number, _ in read(tmp_path / "a.jsonl")] == [1, 3]


def test_plain_text_has_one_row_per_line_blank_ones_too(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one\r\n\ntwo\rthree")
    assert [row["text"] for _, row in read(tmp_path / "a.txt")] == ["one", "", "two", "three"]


def test_a_pipe_is_told_by_its_first_line(monkeypatch):
    assert pipe(monkeypatch, b'\n{"text": "a"}\n') == [(2, {"text": "a"})]
    assert pipe(monkeypatch, b"a\n{b}\n") == [(1, {"text": "a"}), (2, {"text": "{b}"})]
    assert pipe(monkeypatch, b"") == []
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO(b"text,x\na,1\n")))
    assert read("-", "csv") == [(2, {"text": "a", "x": "1"})]


def test_quotes_in_tsv_are_characters_where_they_do_not_pair_up(tmp_path):
    (tmp_path / "a.tsv").write_text('id\ttext\n1\t"open\n2\tshut\n')
    assert [row["text"] for _, row in read(tmp_path / "a.tsv")] == ['"open', "shut"]


@pytest.mark.parametrize(
    "name, data, says",
    [
        ("a.csv", b'id,text\n1,"open\n', "a.csv line 2 has a quote that is never closed"),
        ("a.csv", b"id,text\n1,a\n2,b,c\n", "a.csv line 3 has 3 columns, the header has 2 (id, text); put quotes"),
        ("a.csv", b"id,id\n1,a\n", "a.csv has two columns named 'id'"),
        ("a.csv", b"id,text\n1,caf\xe9\n", "a.csv line 2 is not UTF-8 (byte 0xe9); save it as UTF-8"),
        ("a.csv", b'id,text\n1,"' + b"x" * 1_000_001 + b'"\n', "a.csv line 2 has a field of more than 1,000,000"),
        ("a.jsonl", b'{"text": "a"}\n{"text": \n', "a.jsonl line 2 is no JSON ("),
        ("a.jsonl", b'{"text": "a"}\n[1]\n', "a.jsonl line 2 is no JSON object"),
        ("a.json", b'{"text": "a"}', "a.json is no JSON array"),
        ("a.json", b'[{"text": "a"}, 3]', "a.json row 2 is no JSON object"),
        ("a.jsonl.gz", b"not packed", "a.jsonl.gz cannot be unpacked ("),
        ("a.jsonl.gz", gzip.compress(b'{"text": "a"}\n' * 999, mtime=0)[:-20], "a.jsonl.gz cannot be unpacked ("),
        ("a.parquet", b"PAR1", "a.parquet cannot be read as parquet ("),
    ],
)
def test_broken_inputs_are_refused_with_their_place(tmp_path, monkeypatch, name, data, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(data)
    assert refused(name).startswith(says)


def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("ftlab.streams.lines.LONGEST", 1000)
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a"}\n' + b"x" * 2000)
    assert "line 2 has more than 1,000 bytes" in refused(tmp_path / "a.jsonl")
