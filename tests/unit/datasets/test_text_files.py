from __future__ import annotations

import gzip
import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.datasets import text_files
from ftlab.datasets.columns import Columns
from ftlab.datasets.formats import read_file
from ftlab.datasets.sources import read_splits
from ftlab.errors import DataError
from ftlab.schema import DatasetConfig

WANTED = {"text_column": "text", "label_column": "label"}


def read(path: Path, content: bytes) -> Columns:
    path.write_bytes(content)
    return read_file("dataset.train", str(path), WANTED)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv.gz", "text,label\nä,x\nb,y\n"),
        ("A.TSV.GZ", "text\tlabel\nä\tx\nb\ty\n"),
        ("a.jsonl.gz", '{"text": "ä", "label": "x"}\n{"text": "b", "label": "y"}'),
        ("a.json.gz", '\ufeff[{"text": "ä", "label": "x"}, {"text": "b", "label": "y"}]'),
    ],
)
def test_packed_files_read_as_the_files_inside(tmp_path: Path, name: str, content: str) -> None:
    columns = read(tmp_path / name, gzip.compress(content.encode()))
    assert columns.values == {"text_column": ["ä", "b"], "label_column": ["x", "y"]}


PACKED = gzip.compress(b"text,label\n" + b"".join(b"text number %d,x\n" % i for i in range(9999)), mtime=0)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv.gz", b"text,label\na,x\n", r"is cut short or damaged \(Not a gzipped file"),
        ("a.csv.gz", PACKED[:-200], "is cut short or damaged .*; copy it again"),
        ("a.csv.gz", PACKED[:500] + b"\0" * 50 + PACKED[550:], "is cut short or damaged|is not UTF-8"),
        (
            "a.csv.gz",
            gzip.compress(b"text,label\ncaf\xe9,x\n", mtime=0),
            r"line 2 is not UTF-8 .* -t utf-8 a\.csv > utf8\.csv",
        ),
        ("a.csv", PACKED, r"is gzip, not text; name it a\.csv\.gz"),
        ("a.csv", b"PK\x03\x04\x14\x00\x06\x00\x9c", "is a zip archive or a spreadsheet, not text"),
        ("a.csv", b"text,label\na,x\nb\xc3", r"line 3 is not UTF-8 \(byte 0xc3\)"),
        ("a.parquet.gz", PACKED, "ends in .gz; parquet is packed in itself, so unpack it"),
    ],
)
def test_damaged_and_misnamed_files_are_one_sentence(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence) as error:
        read(tmp_path / name, content)
    assert len(error.value.sentences) == 1


@pytest.mark.parametrize("name", ["a.csv.gz", "a.tsv.gz", "a.jsonl.gz", "a.json.gz"])
def test_a_line_that_fills_the_memory_is_not_read_to_its_end(tmp_path: Path, name: str) -> None:
    content = gzip.compress(b'{"text": "' + b"a" * 60_000_000)
    start = time.process_time()
    tracemalloc.start()
    with pytest.raises(DataError, match=r"more than|has no column"):
        read(tmp_path / name, content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60_000_000 and time.process_time() - start < 10


def test_many_short_rows_that_fill_the_memory_are_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "_FREE", 2**20)
    with pytest.raises(DataError, match=r"unpacks to more than 200 times its size, .* look what it holds"):
        read(tmp_path / "a.csv.gz", gzip.compress(b"text,label\n" + b"a,x\n" * 1_000_000))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.json"])
def test_a_text_of_ten_megabytes_is_told_by_its_row_in_little_memory(
    files: Callable[..., DatasetConfig], tmp_path: Path, name: str
) -> None:
    path, long = tmp_path / name, "word " * 2_000_000
    if path.suffix in (".csv", ".tsv"):
        sign = "," if path.suffix == ".csv" else "\t"
        path.write_text(f"text{sign}label\nfine{sign}a\n{long}{sign}b\n")
    else:
        rows = [json.dumps({"text": text, "label": i}) for i, text in enumerate(["fine", long])]
        path.write_text("\n".join(rows) if path.suffix == ".jsonl" else f"[{','.join(rows)}]")
    start = time.process_time()
    tracemalloc.start()
    with pytest.raises(DataError, match=r"(line [123]|row 2).* more than [18],000,000"):
        read_splits(files(train=str(path)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * path.stat().st_size and time.process_time() - start < 10
