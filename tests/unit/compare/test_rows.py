import dataclasses

import numpy as np
import pyarrow.parquet as pq
import pytest

from ftlab.compare.rows import ScoredRows, pair_rows
from ftlab.errors import DataError
from ftlab.metrics.generation.bootstrap import generation_estimates
from made_board import LABELS, made_run, save_made


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    place = tmp_path_factory.mktemp("rows")
    good = save_made(place / "good", made_run(accuracy=0.9, seed=1, test_rows=200))
    bad = save_made(place / "bad", made_run(adapter="head", accuracy=0.6, seed=2, test_rows=200))
    return good, bad


def test_rows_say_what_was_right_and_how_sure(saved):
    rows = ScoredRows(saved[0])
    assert rows.labelled and rows.label_names == tuple(LABELS)
    assert rows.correct.mean() == pytest.approx(0.9) and rows.correct.shape == (200,)
    assert rows.probabilities.shape == (200, 3)
    assert np.array_equal(np.asarray(LABELS)[rows.probabilities.argmax(1)], rows.predictions)
    assert rows.losses.shape == (200,) and (rows.tokens == 1).all()
    assert rows.texts([5, 2]) == {"text": [f"Text {n} <script>alert(1)</script>" for n in (5, 2)]}
    assert len(rows.texts()["text"]) == 200


def test_columns_are_read_only_when_asked_for(saved, monkeypatch):
    read = []
    whole = pq.ParquetFile.read
    monkeypatch.setattr(pq.ParquetFile, "read", lambda self, columns: read.append(columns) or whole(self, columns))
    rows = ScoredRows(saved[0])
    assert read == []
    assert rows.correct is rows.correct
    assert read == [["label"], ["prediction"]]


def test_two_runs_meet_row_by_row(saved):
    pair = pair_rows(*(ScoredRows(run) for run in saved))
    ours, theirs = pair.correct
    assert (pair.count, ours.mean(), theirs.mean()) == (200, pytest.approx(0.9), pytest.approx(0.6))
    labels, first, second, classes = pair.numbers()
    assert classes == 3 and np.array_equal(first == labels, ours) and np.array_equal(second == labels, theirs)
    assert set(pair.disagree) >= set(np.flatnonzero(ours != theirs))


def test_rows_in_another_order_or_fewer_meet_by_their_ids(saved, tmp_path):
    good, bad = saved
    table = pq.read_table(bad.folder / "predictions.parquet").slice(50)
    pq.write_table(table.take(np.arange(len(table))[::-1].copy()), tmp_path / "predictions.parquet")
    pair = pair_rows(ScoredRows(good), ScoredRows(dataclasses.replace(bad, folder=tmp_path)))
    assert pair.count == 150
    assert np.array_equal(pair.first.ids[pair.here], pair.second.ids[pair.there])
    assert np.array_equal(pair.correct[1], ScoredRows(bad).correct[50:])


def test_written_texts_have_losses_tokens_and_statistics(tmp_path):
    runs = [
        save_made(tmp_path / name, made_run("tiny_gpt", name, task="causal_lm", main="loss", test_rows=60, loss=loss))
        for name, loss in (("lora", 2.0), ("none", 3.0))
    ]
    pair = pair_rows(*(ScoredRows(run) for run in runs))
    assert not pair.first.labelled
    for losses, tokens, mean in zip(pair.losses, pair.tokens, (2.0, 3.0), strict=True):
        assert losses.sum() / tokens.sum() == pytest.approx(mean, abs=0.1)
    ours, theirs = (generation_estimates(numbers) for numbers in pair.statistics())
    assert ours["loss"] == pytest.approx(2, abs=0.1) and theirs["loss"] == pytest.approx(3, abs=0.1)
    assert 0 < ours["rouge1"] < 1  # of the rows that were answered
    told = pair.first.texts([1])
    assert told == {"prompt": ["Question 1?"], "reference": ["Answer 1"], "generation": ["Answer <b>1</b>"]}
    assert pair.first.texts([59])["generation"] == [None]
    assert pair.first.correct.shape == (60,)


def test_rows_that_cannot_be_compared_say_why(saved, tmp_path):
    good, bad = saved
    with pytest.raises(DataError, match=r"holds no predictions.parquet"):
        ScoredRows(dataclasses.replace(good, folder=tmp_path))
    (tmp_path / "predictions.parquet").write_bytes(b"PAR1 no parquet PAR1")
    with pytest.raises(DataError, match=r"cannot be read .*run the job again"):
        ScoredRows(dataclasses.replace(good, folder=tmp_path))
    other = dataclasses.replace(bad.result, dataset=dataclasses.replace(bad.result.dataset, test_digest="ff"))
    with pytest.raises(DataError, match=r"different rows \(e1e1e1e1, ff\)"):
        pair_rows(ScoredRows(good), ScoredRows(dataclasses.replace(bad, result=other)))
    with pytest.raises(DataError, match="has no column loss_sum"):
        ScoredRows(good)._numbers("loss_sum")
