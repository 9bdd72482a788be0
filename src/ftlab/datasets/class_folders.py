"""Reads folders of texts: ``<folder>/<label>/<name>.txt``, one text per file, the label by the folder's name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ftlab.datasets.columns import Collector, Columns
from ftlab.datasets.text_files import MAX_CHARACTERS, open_text
from ftlab.errors import DataError


def is_class_folder(folder: Path) -> bool:
    """Say whether ``folder`` holds at least two folders with .txt files."""
    inside = (entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    return sum(1 for entry in inside if any(entry.glob("*.txt"))) >= 2


def read_class_folder(folder: Path, wanted: Mapping[str, str]) -> Columns:
    """Read every text, in the order of labels and file names.

    Raises:
        DataError: a file that is not UTF-8, or columns are wanted that such folders do not have.
    """
    for role in wanted.keys() - {"text_column", "label_column"}:
        raise DataError(f"{folder} holds one text per file, so there is no dataset.{role}; type dataset.{role}=null")
    collector = Collector({"text_column": "", "label_column": ""})
    files: list[tuple[str, int]] = []
    for path in sorted(folder.glob("*/*.txt"), key=lambda path: path.relative_to(folder).parts):
        if path.parent.name.startswith("."):
            continue
        with open_text(path) as file:
            collector.add((file.read(MAX_CHARACTERS + 1), path.parent.name), row=1)
        files.append((str(path), len(files)))
    columns = collector.columns(str(folder))
    return Columns(columns.values, columns.rows, files=files)
