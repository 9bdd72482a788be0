"""What report.json holds of the tests."""

from ftlab.compare.axes import AXES
from ftlab.compare.types import Comparison, Verdict
from ftlab.report.board.record import record
from ftlab.report.board.whole import Whole
from made_board import board_of, made_candidate


def test_a_comparison_has_the_rows_that_decided():
    one, other = made_candidate("a b", f1_macro=0.9), made_candidate("c d", f1_macro=0.8)
    told = Comparison(other, AXES["accuracy"], 0.1, (0.05, 0.15), 0.01, 0.02, True, "mid-p McNemar", 540, 61)
    verdict = Verdict(one, other, (), (one, other), (one, other), (told,), ("a.", "b.", "c."))
    (held,) = record(Whole(board_of(one, other), verdict))["verdict"]["comparisons"]
    assert (held["rows"], held["discordant"]) == (540, 61)
