from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

from ftlab.report.frames import hash_text, write_history, write_latency, write_predictions

PROBABILITIES = np.array([[0.75, 0.25], [0.125, 0.875], [0.5, 0.5]])
ROWS = {
    "ids": ["test:1", "test:2", "test:3"],
    "labels": np.array([0, 1, 1]),
    "predictions": np.array([0, 1, 0]),
    "probabilities": PROBABILITIES,
    "losses": np.array([0.29, 0.13, 0.69]),
    "label_names": ["against", "for"],
}


def test_predictions_hold_a_row_per_text_with_names_and_probabilities(tmp_path):
    path = tmp_path / "new" / "predictions.parquet"
    write_predictions(path, texts=["a", "b", "c"], **ROWS)
    frame = pd.read_parquet(path)
    assert list(frame.columns) == [
        "row_id",
        "text",
        "text_hash",
        "label",
        "prediction",
        "p_against",
        "p_for",
        "loss",
    ]
    assert frame["row_id"].tolist() == ["test:1", "test:2", "test:3"]
    assert frame["text"].tolist() == ["a", "b", "c"]
    assert frame["text_hash"][0] == hashlib.sha256(b"a").hexdigest()
    assert frame["label"].tolist() == ["against", "for", "for"]
    assert frame["prediction"].tolist() == ["against", "for", "against"]
    assert frame[["p_against", "p_for"]].to_numpy().tolist() == PROBABILITIES.tolist()
    assert frame["loss"].tolist() == [0.29, 0.13, 0.69]
    assert [p.name for p in path.parent.iterdir()] == ["predictions.parquet"]


def test_texts_that_are_not_kept_leave_only_their_hash(tmp_path):
    path = tmp_path / "p.parquet"
    write_predictions(path, texts=["secret one", "b", "c"], keep_text=False, **ROWS)
    frame = pd.read_parquet(path)
    assert "text" not in frame.columns
    assert frame["text_hash"][0] == hashlib.sha256(b"secret one").hexdigest()
    assert b"secret one" not in path.read_bytes()


def test_unknown_texts_have_no_hash(tmp_path):
    write_predictions(tmp_path / "p.parquet", texts=None, **ROWS)
    frame = pd.read_parquet(tmp_path / "p.parquet")
    assert "text" not in frame.columns
    assert frame["text_hash"].isna().all()


def test_pairs_have_two_columns_and_a_hash_that_knows_the_seam(tmp_path):
    write_predictions(tmp_path / "p.parquet", texts=[("ab", "c"), ("a", "bc"), ("", "")], **ROWS)
    frame = pd.read_parquet(tmp_path / "p.parquet")
    assert frame["text"].tolist() == ["ab", "a", ""]
    assert frame["text_pair"].tolist() == ["c", "bc", ""]
    assert frame["text_hash"].nunique() == 3


def test_text_that_is_no_utf_8_does_not_stop_the_run(tmp_path):
    write_predictions(tmp_path / "p.parquet", texts=["\ud800x", "caf\u00e9 \u65e5", "c"], **ROWS)
    frame = pd.read_parquet(tmp_path / "p.parquet")
    assert frame["text"].tolist() == ["?x", "caf\u00e9 \u65e5", "c"]
    assert hash_text("\ud800x") != hash_text("?x")


def test_rows_that_do_not_agree_are_a_mistake_of_ours(tmp_path):
    with pytest.raises(AssertionError, match="one of each per row"):
        write_predictions(tmp_path / "p.parquet", texts=None, **{**ROWS, "ids": ["only one"]})


def test_history_keeps_its_points_and_types(tmp_path):
    points = [
        {"step": 10, "epoch": 0, "name": "train/loss", "value": 1.5, "seconds": 2.0},
        {"step": 10, "epoch": 0, "name": "val/auroc", "value": float("nan"), "seconds": 2.5},
    ]
    write_history(tmp_path / "history.parquet", points)
    frame = pd.read_parquet(tmp_path / "history.parquet")
    assert list(frame.columns) == ["step", "epoch", "name", "value", "seconds"]
    assert frame["step"].dtype == np.int64
    assert frame["value"].tolist()[0] == 1.5 and np.isnan(frame["value"][1])


def test_a_run_without_training_has_an_empty_history_with_the_same_columns(tmp_path):
    write_history(tmp_path / "history.parquet", [])
    frame = pd.read_parquet(tmp_path / "history.parquet")
    assert len(frame) == 0
    assert list(frame.columns) == ["step", "epoch", "name", "value", "seconds"]


def test_latency_keeps_every_call(tmp_path):
    samples = [
        {"batch_size": 32, "merged": False, "call": i, "total_ms": 10.0 + i, "tokenization_ms": 0.5} for i in range(3)
    ]
    write_latency(tmp_path / "latency.parquet", samples)
    frame = pd.read_parquet(tmp_path / "latency.parquet")
    assert frame.drop(columns=["ttft_ms", "inter_token_ms"]).to_dict("records") == samples
    assert frame[["ttft_ms", "inter_token_ms"]].isna().all(axis=None)  # a classifier writes nothing


def test_latency_of_what_writes_has_its_tokens(tmp_path):
    call = {"batch_size": 1, "merged": False, "call": 0, "total_ms": 90.0, "tokenization_ms": 0.5}
    samples = [{**call, "ttft_ms": 30.0, "inter_token_ms": 2.0}]
    write_latency(tmp_path / "latency.parquet", samples)
    assert pd.read_parquet(tmp_path / "latency.parquet").to_dict("records") == samples


def test_a_second_writing_replaces_the_first(tmp_path):
    path = tmp_path / "latency.parquet"
    sample = {"batch_size": 1, "merged": True, "call": 0, "total_ms": 1.0, "tokenization_ms": 0.1}
    write_latency(path, [sample] * 3)
    write_latency(path, [sample])
    assert len(pd.read_parquet(path)) == 1
