"""The rows of a model that writes: ``predictions.parquet``, and a small table to be read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ftlab.report.frames import hash_text, strings, write_table

TABLE = "generations.json"
_COLUMNS = ("row_id", "prompt", "reference", "before", "after")


def write_generations(
    folder: Path,
    ids: Sequence[str],
    prompts: Sequence[str],
    references: Sequence[str],
    answers: Mapping[int, str],
    before: Mapping[int, str],
    numbers: Mapping[str, Any],
    *,
    keep_text: bool,
    table_rows: int,
) -> None:
    """Write one row per test row, and the first ``table_rows`` answered ones as ``generations.json``.

    Columns: row_id, prompt, reference, generation (null where the row was not answered), text_hash (of the prompt),
    then ``numbers``. The table is what ``mlflow.load_table`` and ``pandas.read_json(orient="split")`` read.

    Args:
        folder: of the run.
        ids: N names of rows.
        prompts: N texts, as the model reads them.
        references: N texts.
        answers: row -> what the trained weights wrote.
        before: row -> what the untrained weights wrote.
        numbers: (N,) each, by name; NaN where a row was not answered.
        keep_text: False leaves all texts out (``predictions.text=false``), and the table with them.
        table_rows: rows of the table.
    """
    assert len(ids) == len(prompts) == len(references), "one of each per row"
    columns: dict[str, Any] = {"row_id": pa.array(ids, pa.string())}
    if keep_text:
        columns |= {"prompt": strings(prompts), "reference": strings(references)}
        columns["generation"] = strings([answers.get(row) for row in range(len(ids))])
    columns["text_hash"] = pa.array([hash_text(prompt) for prompt in prompts], pa.string())
    for name, values in numbers.items():
        columns[name] = pa.array(np.asarray(values), from_pandas=True)
    write_table(pa.table(columns), folder / "predictions.parquet")
    if keep_text and answers and table_rows:
        rows = [
            [ids[row], prompts[row], references[row], before.get(row), answer]
            for row, answer in list(answers.items())[:table_rows]
        ]
        text = json.dumps({"columns": list(_COLUMNS), "data": rows}, ensure_ascii=False, indent=1)
        (folder / TABLE).write_text(text.encode("utf-8", "replace").decode("utf-8"), encoding="utf-8")
