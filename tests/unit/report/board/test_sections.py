"""What the page and the text say of each test."""

import pytest

from ftlab.compare.axes import AXES
from ftlab.compare.types import Comparison, Verdict
from ftlab.report.board.markdown import markdown
from ftlab.report.board.sections import verdict as section
from ftlab.report.board.whole import Whole
from made_board import board_of, made_candidate

ONE, OTHER = made_candidate("a b", f1_macro=0.9), made_candidate("c d", f1_macro=0.8)


def found(told_apart, p, method):
    told = Comparison(OTHER, AXES["p95_ms"], -2.0, (-3.0, -1.0), p, p, told_apart, method)
    return Verdict(ONE, OTHER, (), (ONE, OTHER), (ONE, OTHER), (told,), ("a.", "b.", "c."))


@pytest.mark.parametrize(
    ("told_apart", "p", "method", "on_page", "in_text"),
    [
        (True, 0.01, "trials", "<b>told apart</b>", "yes"),
        (True, None, "counted, not sampled", "<b>told apart</b>", "yes"),
        (False, 0.5, "trials", "tie", "no"),
        (False, None, "counted, not sampled", "tie", "no"),
        (False, None, "not tested: size was measured once", "not tested", "not tested"),
    ],
)
def test_what_was_not_tested_is_no_tie(told_apart, p, method, on_page, in_text, tmp_path):
    board, verdict = board_of(ONE, OTHER), found(told_apart, p, method)
    assert f"<td>{on_page}</td><td>{method}</td>" in section(board, verdict)
    assert f"| {in_text} | {method}" in markdown(Whole(board, verdict), tmp_path)


def test_an_interval_of_a_difference_says_its_unit_once(tmp_path):
    board, verdict = board_of(ONE, OTHER), found(True, 0.01, "trials")
    assert "\N{MINUS SIGN}3.00 to \N{MINUS SIGN}1.00 ms" in section(board, verdict)
    assert "| -3.00 to -1.00 ms |" in markdown(Whole(board, verdict), tmp_path)
