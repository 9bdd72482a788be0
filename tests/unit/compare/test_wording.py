"""What the sentences say of a tie, and of what nobody tested."""

import dataclasses

from ftlab.compare.axes import AXES
from ftlab.compare.types import Comparison
from ftlab.compare.wording import Said, chosen
from made_board import made_candidate

MAIN, P95, USD, WH = (AXES[name] for name in ("accuracy", "p95_ms", "usd_per_1k", "wh_per_1k"))
NUMBERS = {"accuracy": 0.95, "p95_ms": 12.0, "usd_per_1k": 0.0012, "wh_per_1k": 2.0}
LEADER = made_candidate("minilm full", **NUMBERS)
CHOICE = made_candidate("minilm lora", **{**NUMBERS, "accuracy": 0.947, "usd_per_1k": 0.001, "wh_per_1k": 3.0})
TIE = Comparison(LEADER, MAIN, -0.003, (-0.01, 0.004), 0.2, 0.2, False, "mid-p McNemar", 1000, 3)
UNTESTED = Comparison(LEADER, WH, 1.0, None, None, None, False, "not tested: wh_per_1k was measured once")


def sentences(*axes, comparisons=(TIE,)):
    front = (LEADER, CHOICE)
    parts = {"objective": "best", "constraints": (), "main": MAIN, "comparisons": comparisons, "front": front}
    return chosen(Said(axes=axes, choice=CHOICE, leader=LEADER, runner_up=LEADER, **parts))


def test_a_tie_says_what_is_cheaper_where_the_numbers_do_not():
    assert sentences(MAIN)[0].endswith(
        "a tie goes to the cheaper one, by $ per 1k requests: $0.00100 against $0.00120."
    )
    assert sentences(MAIN, USD)[0].endswith("a tie goes to the cheaper one.")


def test_what_was_not_tested_is_said_of_every_axis():
    _, second, third = sentences(MAIN, WH, comparisons=(TIE, UNTESTED))
    assert "Wh per 1k requests (33.3% less, not tested)" in second
    assert "(minilm full, not tested)" in third


def test_what_was_counted_needs_no_test():
    told = dataclasses.replace(UNTESTED, told_apart=True, method="counted, not sampled")
    assert "(33.3% less)" in sentences(MAIN, WH, comparisons=(TIE, told))[1]
