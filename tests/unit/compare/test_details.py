import dataclasses

import numpy as np

from ftlab.compare.board import make_board
from ftlab.compare.details import detailed, read_details
from ftlab.compare.types import Run
from ftlab.compare.verdict import make_verdict
from made_board import board_of, made_candidate, made_run, save_made


def test_the_matrix_counts_every_row_and_the_calls_are_those_of_one_text(tmp_path):
    runs = [
        save_made(tmp_path / a, made_run(adapter=a, f1_macro=f, accuracy=f)) for a, f in (("lora", 0.9), ("head", 0.7))
    ]
    board = make_board(runs)
    found = read_details(board, make_verdict(board))
    detail = found.of["minilm lora"]
    assert detail.confusion.sum() == 540 and np.trace(detail.confusion) == round(0.9 * 540)
    assert detail.reliability.counts.sum() == 540 and len(detail.calls_ms) == 200 and not detail.missing
    assert set(found.side.keys) == {"minilm lora", "minilm head"}


def test_of_many_labels_the_commonest_mistakes_are_read_in_place_of_a_matrix(tmp_path):
    runs = []
    for adapter in ("lora", "head"):
        run = made_run(adapter=adapter, accuracy=0.9, test_rows=500)
        data = dataclasses.replace(run.result.dataset, labels=[f"label{n}" for n in range(50)])
        runs.append(save_made(tmp_path / adapter, Run(run.folder, dataclasses.replace(run.result, dataset=data))))
    board = make_board(runs)
    detail = read_details(board, make_verdict(board)).of["minilm lora"]
    assert detail.confusion is None and 0 < len(detail.confused) <= 20
    first = detail.confused[0]
    assert int(first.predicted[5:]) == (int(first.true[5:]) + 1) % 50, "a mistake is one label further"
    assert first.rows == 10 and first.count == max(one.count for one in detail.confused)


def test_rows_that_are_gone_are_said_to_be_missing(tmp_path):
    runs = [save_made(tmp_path / a, made_run(adapter=a)) for a in ("lora", "head")]
    board = make_board(runs)
    verdict = make_verdict(board)
    (tmp_path / "lora" / "predictions.parquet").unlink()
    found = read_details(board, verdict)
    assert "holds no predictions.parquet" in found.of["minilm lora"].missing
    assert found.of["minilm head"].confusion is not None and found.side is None


def test_the_choice_comes_first_and_the_front_before_the_best():
    made = [
        made_candidate(f"m{n} x", runs=(made_run(),), f1_macro=0.5 + n / 100, p95_ms=float(n + 1)) for n in range(9)
    ]
    made += [
        made_candidate("slow x", runs=(made_run(),), f1_macro=0.55, p95_ms=99.0),
        made_candidate("api", f1_macro=0.99),
    ]
    board = board_of(*made)
    verdict = make_verdict(board)
    keys = [one.key for one in detailed(board, verdict, most=10)]
    assert keys[0] == verdict.choice.key and len(keys) == 10 and "api" not in keys
    assert {one.key for one in verdict.front if one.chosen} <= set(keys)
