import pytest

from ftlab.streams.names import input_kind, output_kind


@pytest.mark.parametrize(
    "name, kind",
    [
        ("a.csv", "csv"),
        ("b/A.TSV", "tsv"),
        ("a.csv.gz", "csv"),
        ("a.ndjson", "jsonl"),
        ("a.json.gz", "json"),
        ("a.parquet", "parquet"),
        ("a.parquet.gz", None),
        ("a.xlsx", None),
        ("a", None),
        ("a.gz", None),
    ],
)
def test_inputs_are_told_by_their_ending(name, kind):
    assert input_kind(name) == kind


@pytest.mark.parametrize("name, kind", [("a.jsonl", "jsonl"), ("a.csv.gz", None), ("a.txt", None), ("a.CSV", "csv")])
def test_outputs_are_told_by_their_ending(name, kind):
    assert output_kind(name) == kind
