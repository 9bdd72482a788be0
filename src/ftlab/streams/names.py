"""Which formats are read and written, told by a name's ending. Imports nothing heavy: the configuration check asks."""

from __future__ import annotations

from pathlib import Path

STDIN = "-"
INPUTS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "txt",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
}
OUTPUTS = {".jsonl": "jsonl", ".csv": "csv", ".tsv": "tsv", ".parquet": "parquet"}
FORMATS = ("csv", "tsv", "txt", "jsonl")  # what input_format may say: read line by line, so a pipe will do


def input_kind(name: str) -> str | None:
    """Return the format of an input by its name, ``.gz`` aside; None where it cannot be told."""
    path = Path(name)
    if path.suffix.lower() != ".gz":
        return INPUTS.get(path.suffix.lower())
    kind = INPUTS.get(Path(path.stem).suffix.lower())
    return None if kind == "parquet" else kind  # parquet is packed already, and read from its end


def output_kind(name: str) -> str | None:
    """Return the format of an output by its name; None where its ending is none of those written."""
    return OUTPUTS.get(Path(name).suffix.lower())


def partial_of(output: Path) -> Path:
    """Return where the rows of an unfinished ``output`` lie."""
    return output.with_name(f"{output.name}.partial")


def state_of(output: Path) -> Path:
    """Return the file that says how far an unfinished ``output`` is."""
    return output.with_name(f"{output.name}.partial.json")
