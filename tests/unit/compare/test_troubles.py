"""Trouble on a board: of the whole, of candidates in their order, of runs that did not finish."""

import dataclasses

import pytest

from ftlab.compare import troubles
from ftlab.compare.board import make_board
from ftlab.compare.troubles import diagnosed, seen
from ftlab.compare.verdict import make_verdict
from ftlab.errors import DataError
from ftlab.results import Trouble
from made_board import made_run

LEAK = Trouble("leak", "3 of 540 test rows stand in train", "")
SMALL = Trouble("test set too small", "on 540 rows", "dataset.limit.test=2000")
WHOLE = Trouble("test set too small", "540 test rows do not tell a from b", "")


def no_rows(run):
    raise DataError("no rows")


def run_of(adapter, quality, diagnosis, **more):
    run = made_run("minilm", adapter, f1_macro=quality, p95_ms=10 * quality, **more)
    return dataclasses.replace(run, result=dataclasses.replace(run.result, diagnosis=diagnosis))


@pytest.fixture
def board():
    late = Trouble("divergence", "loss is no number from step 7 on", "optimizer.lr=0.0003")
    return make_board(
        [
            run_of("full", 0.9, [LEAK, SMALL]),
            run_of("head", 0.5, [LEAK, Trouble("under-training", "loss still falls", "trainer.max_epochs=8")]),
            run_of("lora", 0.8, []),
            run_of("dora", 0.7, None),
            run_of("ia3", 0.7, [late], run={"status": "failed"}),
        ],
        settings=lambda folder: {},
    )


@pytest.fixture
def verdict(board):
    return make_verdict(board, "best", rows=no_rows)


def test_older_records_have_no_entry(board):
    found = diagnosed(board)
    assert set(found) == {"minilm full", "minilm head", "minilm lora"} and found["minilm lora"] == ()
    older = [dataclasses.replace(one, chosen=run_of("full", 0.9, None)) for one in board.candidates]
    assert diagnosed(dataclasses.replace(board, candidates=tuple(older))) is None


def test_what_several_have_is_named_once_the_choice_first(board, verdict):
    found = seen(board, verdict)
    assert [(one.trouble.name, one.names, one.foremost) for one in found] == [
        ("leak", ("minilm full", "minilm head"), True),
        ("test set too small", ("minilm full",), True),
        ("under-training", ("minilm head",), True),
        ("divergence", ("minilm_ia3_s42",), False),
    ]


def test_what_is_said_of_the_whole_is_not_said_again_of_each(board, verdict, monkeypatch):
    monkeypatch.setattr(troubles, "board_troubles", lambda *_: (WHOLE,))
    found = seen(board, verdict)
    assert (found[0].trouble, found[0].names) == (WHOLE, ())
    assert [one.trouble.name for one in found].count("test set too small") == 1
