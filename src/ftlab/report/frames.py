"""The parquet files of a run folder, for ``pandas.read_parquet``: predictions, curves, raw latency samples."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

Text = str | tuple[str, str]  # a text, or a pair

_HISTORY = pa.schema(
    [
        ("step", pa.int64()),  # optimizer updates so far
        ("epoch", pa.int64()),  # from 0
        ("name", pa.string()),  # train/loss, val/f1_macro, ...
        ("value", pa.float64()),
        ("seconds", pa.float64()),  # since training began
    ]
)
_LATENCY = pa.schema(
    [
        ("batch_size", pa.int64()),
        ("merged", pa.bool_()),  # adapter weights folded into the base
        ("call", pa.int64()),  # from 0, in the order of the calls
        ("total_ms", pa.float64()),
        ("tokenization_ms", pa.float64()),  # part of the total
        ("ttft_ms", pa.float64()),  # until the first token written; null: nothing is written
        ("inter_token_ms", pa.float64()),  # mean of the call
    ]
)


def write_predictions(
    path: Path,
    ids: Sequence[str],
    texts: Sequence[Text] | None,
    labels: npt.NDArray[Any],
    predictions: npt.NDArray[Any],
    probabilities: npt.NDArray[Any],
    losses: npt.NDArray[Any],
    label_names: Sequence[str],
    *,
    keep_text: bool = True,
) -> None:
    """Write one row per test row: row_id, text, text_hash, label, prediction, p_<label> for each label, loss.

    Args:
        path: the file; replaced in one step.
        ids: N names of rows, as the data set gives them.
        texts: N texts, or N pairs, which give a column text_pair too. None: unknown, text_hash is null.
        labels: (N,) int in [0, C), written as names.
        predictions: (N,) int in [0, C), written as names.
        probabilities: (N, C), written as float32.
        losses: (N,) in nats.
        label_names: C names.
        keep_text: False leaves the texts out and keeps their hashes (``predictions.text=false``).
    """
    assert len(ids) == len(labels) == len(predictions) == len(losses) == len(probabilities), "one of each per row"
    assert probabilities.shape[1] == len(label_names), "one probability per label"
    names = np.array(label_names, dtype=object)
    columns: dict[str, Any] = {"row_id": pa.array(ids, pa.string())}
    if texts is not None and keep_text:
        columns |= _text_columns(texts)
    hashes = [None] * len(ids) if texts is None else [hash_text(text) for text in texts]
    columns["text_hash"] = pa.array(hashes, pa.string())
    columns["label"] = pa.array(names[labels], pa.string())
    columns["prediction"] = pa.array(names[predictions], pa.string())
    for number, name in enumerate(label_names):
        columns[f"p_{name}"] = pa.array(probabilities[:, number].astype(np.float32))
    columns["loss"] = pa.array(losses.astype(np.float64))
    write_table(pa.table(columns), path)


def write_history(path: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Write the curves: points {step, epoch, name, value, seconds}, none for a run that trained nothing."""
    write_table(pa.Table.from_pylist([dict(point) for point in history], schema=_HISTORY), path)


def write_latency(path: Path, samples: Sequence[Mapping[str, Any]]) -> None:
    """Write the raw calls: {batch_size, merged, call, total_ms, tokenization_ms}; those that write have ttft_ms too."""
    write_table(pa.Table.from_pylist([dict(sample) for sample in samples], schema=_LATENCY), path)


def hash_text(text: Text) -> str:
    """Return the sha256 of a text in hex; of a pair, with a zero byte between its texts."""
    whole = text if isinstance(text, str) else "\0".join(text)
    # A lone surrogate (JSON can hold one) is no UTF-8, but hashes all the same.
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()


def _text_columns(texts: Sequence[Text]) -> dict[str, Any]:
    if texts and not isinstance(texts[0], str):
        first, second = zip(*texts, strict=True)
        return {"text": strings(first), "text_pair": strings(second)}
    return {"text": strings([str(text) for text in texts])}


def strings(texts: Sequence[str | None]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return texts as a column, null where there is none; a lone surrogate becomes a question mark."""
    plain = [None if text is None else text.encode("utf-8", "replace").decode("utf-8") for text in texts]
    return pa.array(plain, pa.string())


def write_table(table: Any, path: Path) -> None:  # noqa: ANN401 - pyarrow has no types
    """Write a parquet file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    pq.write_table(table, partial, compression="zstd")
    partial.replace(path)
