"""The rows of a model that writes, and the table to be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ftlab.report.frames import hash_text
from ftlab.report.generations import TABLE, write_generations

IDS, PROMPTS, REFERENCES = ["a", "b", "c"], ["p1", "p2", "p3\nline"], ["r1", "r2", "r3"]
NUMBERS = {"loss_sum": [1.0, 2.0, 3.0], "tokens": [1, 2, 3], "rouge1": [0.5, np.nan, 0.25]}


def written(
    folder: Path, answers: dict[int, str], before: dict[int, str] | None = None, **changes: Any
) -> pd.DataFrame:
    options = {"keep_text": True, "table_rows": 8, **changes}
    write_generations(folder, IDS, PROMPTS, REFERENCES, answers, before or {}, NUMBERS, **options)
    return pd.read_parquet(folder / "predictions.parquet")


def test_every_row_has_its_numbers_and_the_answered_ones_their_answer(tmp_path: Path) -> None:
    rows = written(tmp_path, {0: "one", 2: ""})
    expected = ["row_id", "prompt", "reference", "generation", "text_hash", "loss_sum", "tokens", "rouge1"]
    assert list(rows.columns) == expected
    assert rows.generation.isna().tolist() == [False, True, False] and rows.generation[2] == "", "empty is an answer"
    assert rows.text_hash.tolist() == [hash_text(prompt) for prompt in PROMPTS]
    assert pq.read_table(tmp_path / "predictions.parquet")["rouge1"].null_count == 1


def test_table_has_the_first_answered_rows_beside_what_was_written_before(tmp_path: Path) -> None:
    written(tmp_path, {0: "one", 2: "three"}, {0: "eins"})
    table = json.loads((tmp_path / TABLE).read_text())
    assert table["columns"] == ["row_id", "prompt", "reference", "before", "after"]
    assert table["data"] == [["a", "p1", "r1", "eins", "one"], ["c", "p3\nline", "r3", None, "three"]]
    frame = pd.read_json(tmp_path / TABLE, orient="split")
    assert frame.after.tolist() == ["one", "three"] and frame.before.isna().tolist() == [False, True]


def test_table_is_as_long_as_asked_for(tmp_path: Path) -> None:
    written(tmp_path, {0: "one", 1: "two", 2: "three"}, table_rows=2)
    assert len(json.loads((tmp_path / TABLE).read_text())["data"]) == 2


def test_texts_that_are_not_kept_stand_in_no_file(tmp_path: Path) -> None:
    rows = written(tmp_path, {0: "one"}, keep_text=False)
    assert list(rows.columns) == ["row_id", "text_hash", "loss_sum", "tokens", "rouge1"]
    assert not (tmp_path / TABLE).exists()


def test_nothing_answered_no_table(tmp_path: Path) -> None:
    assert written(tmp_path / "a", {}).generation.isna().all() and not (tmp_path / "a" / TABLE).exists()
    written(tmp_path / "b", {0: "one"}, table_rows=0)
    assert not (tmp_path / "b" / TABLE).exists()


def test_half_a_character_is_written_as_a_question_mark(tmp_path: Path) -> None:
    rows = written(tmp_path, {0: "bad \ud83d end"})
    assert rows.generation[0] is not None and json.loads((tmp_path / TABLE).read_text())["data"][0][4] == "bad ? end"
