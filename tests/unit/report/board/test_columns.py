from ftlab.compare.axes import AXES
from ftlab.report.board.columns import amount, columns_of, heading, measured
from made_board import board_of, made_candidate


def test_only_what_varies_has_a_column():
    one = made_candidate("a x", f1_macro=0.9, p95_ms=3.0, usd_per_1k=0.1, size_mb=5.0, auroc=0.8, accuracy=0.9)
    two = made_candidate("b x", f1_macro=0.9, p95_ms=4.0, usd_per_1k=0.1, size_mb=5.0, auroc=0.9, accuracy=0.9)
    columns = columns_of(board_of(one, two))
    assert columns.main.name == "f1_macro"  # whatever it does
    assert [axis.name for axis in columns.shown] == ["p95_ms"]
    assert [axis.name for axis in columns.more] == ["auroc"]


def test_settings_that_vary_have_a_column():
    rows = [made_candidate(f"a x{n}", f1_macro=0.9, differs={"adapter.rank": str(n), "seed": "1"}) for n in (8, 16)]
    assert columns_of(board_of(*rows)).settings == ("adapter.rank",)


def test_values_are_written_as_the_verdict_writes_them():
    assert amount(AXES["p95_ms"], 4.1) == "4.10" and measured(AXES["p95_ms"], 4.1) == "4.10 ms"
    assert measured(AXES["usd_per_1k"], 0.0021) == "$0.00210"
    assert measured(AXES["f1_macro"], None) == "-"
    assert heading(AXES["p95_ms"]) == "p95 (ms)" and heading(AXES["f1_macro"]) == "f1_macro"
