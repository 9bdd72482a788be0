"""The rows a run used, saved beside it: with ``sample_per_class`` they are a draw, and a reader wants to see them."""

from __future__ import annotations

import csv
import os
import tempfile
from pathlib import Path

from ftlab.datasets.splits import Rows, Splits


def write_sample(splits: Splits, folder: Path, *, keep_text: bool = True) -> Path:
    """Write ``sample.csv`` with the columns split, id, text, text_pair (of pairs), label; return its path.

    It is written beside its place and renamed into it, so that it is whole or not there.

    Args:
        splits: the rows.
        folder: of the run.
        keep_text: False leaves the texts out, as ``predictions.text=false`` asks; ids say which rows they are.
    """
    named: dict[str, Rows] = {"train": splits.train, "val": splits.val, "test": splits.test}
    paired = splits.train.pairs is not None
    header = ["split", "id", *(["text", *(["text_pair"] if paired else [])] if keep_text else []), "label"]
    path = folder / "sample.csv"
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="", dir=folder, prefix=".sample-", suffix=".partial", delete=False
    ) as file:
        try:
            writer = csv.writer(file)
            writer.writerow(header)
            for split, rows in named.items():
                for i, name in enumerate(rows.ids):
                    texts = [rows.texts[i], *([] if rows.pairs is None else [rows.pairs[i]])] if keep_text else []
                    writer.writerow([split, name, *texts, splits.labels[rows.labels[i]]])
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    return path
