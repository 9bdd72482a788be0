from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from ftlab.records import from_plain, misfit, to_plain


@dataclass(frozen=True)
class Inner:
    ends: tuple[float, float]
    note: str | None = None


@dataclass(frozen=True)
class Outer:
    inner: Inner | None
    rows: list[Inner]
    named: dict[str, tuple[float, float]]
    free: dict[str, Any] = field(default_factory=dict)


OUTER = Outer(Inner((1.0, 2.0)), [Inner((3.0, 4.0), "x")], {"a": (5.0, 6.0)}, {"list": [1, 2]})


def test_a_record_comes_back_as_it_was():
    assert from_plain(Outer, to_plain(OUTER)) == OUTER


def test_numbers_that_json_has_no_word_for_are_none():
    assert to_plain([1.0, math.nan, math.inf, -math.inf, {"a": (math.nan, 2)}]) == [
        1.0,
        None,
        None,
        None,
        {"a": [None, 2]},
    ]


def test_numbers_of_numpy_become_pythons():
    plain = to_plain({"a": np.float32(0.5), "b": np.int64(3), "c": np.float64("nan"), "d": np.bool_(True)})
    assert plain == {"a": 0.5, "b": 3, "c": None, "d": True}
    assert [type(v) for v in plain.values()] == [float, int, type(None), bool]


def test_keys_of_a_later_version_are_left_out():
    plain = {**to_plain(OUTER), "later": 1}
    plain["inner"]["later"] = 2
    assert from_plain(Outer, plain) == OUTER


def test_null_stays_none():
    assert from_plain(Outer, {"inner": None, "rows": [], "named": {}}) == Outer(None, [], {})


@pytest.mark.parametrize("broken", [{"inner": None, "rows": []}, {"inner": 3, "rows": [], "named": {}}])
def test_a_missing_key_or_another_shape_raises(broken):
    with pytest.raises((TypeError, AttributeError)):
        from_plain(Outer, broken)


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        ((), {"inner": None, "rows": []}, "no named"),
        (("inner",), 3, "inner is not a section"),
        (("inner", "ends"), [1.0], "inner.ends is not a list of 2"),
        (("rows", 0), "x", "rows[0] is not a section"),
        (("rows",), "x", "rows is not a list"),
        (("named", "a"), [5.0, "x"], "named.a[1] is not a number"),
        (("named",), [], "named is not a section"),
        (("inner", "ends"), [0, 1], None),
        (("inner", "ends"), [0, True], "inner.ends[1] is not a number"),
        (("inner",), None, None),
    ],
)
def test_what_does_not_fit_is_said_in_words(keys, value, said):
    plain = to_plain(OUTER)
    if keys:
        held = plain
        for key in keys[:-1]:
            held = held[key]
        held[keys[-1]] = value
    assert misfit(Outer, plain if keys else value) == said


def test_a_record_as_read_fits():
    assert misfit(Outer, OUTER) is None
