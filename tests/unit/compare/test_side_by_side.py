import numpy as np

from ftlab.compare.rows import ScoredRows
from ftlab.compare.side_by_side import MOST_ROWS, side_by_side
from made_board import made_run, save_made


def scored(place, name, **changes):
    return ScoredRows(save_made(place / name, made_run(**changes)))


def test_pairs_are_counted_over_all_rows_and_texts_kept_for_some(tmp_path):
    files = [scored(tmp_path, str(seed), seed=seed, accuracy=accuracy) for seed, accuracy in ((1, 0.9), (2, 0.5))]
    side = side_by_side(["good", "bad"], files)
    (pair,) = side.pairs
    apart = files[0].predictions != files[1].predictions
    assert (pair.rows, pair.differ) == (540, int(apart.sum()))
    assert pair.first_right == int((apart & files[0].correct).sum())
    assert len(side.rows) == min(MOST_ROWS, pair.differ)
    for row in side.rows:
        place = int(np.flatnonzero(files[0].ids == row.row_id)[0])
        assert row.said == (files[0].predictions[place], files[1].predictions[place])
        assert row.said[0] != row.said[1] and row.text == f"Text {place} <script>alert(1)</script>"


def test_written_texts_stand_beside_each_other(tmp_path):
    files = [scored(tmp_path, name, seed=seed, task="causal_lm", main="loss") for seed, name in ((1, "a"), (2, "b"))]
    side = side_by_side(["a", "b"], files)
    assert not side.labelled and side.rows[0].text == "Question 0?"
    assert side.rows[0].expected == "Answer 0" and side.rows[0].said == ("Answer <b>0</b>", "Answer <b>0</b>")


def test_one_model_alone_has_nothing_to_differ_from(tmp_path):
    assert side_by_side(["a"], [scored(tmp_path, "a")]) is None
