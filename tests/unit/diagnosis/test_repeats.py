"""Leaks and duplicates."""

from __future__ import annotations

from ftlab.diagnosis.repeats import DUPLICATES, LEAK, look_for_duplicates, look_for_leaks
from made_evidence import evidence


def test_test_rows_that_stand_in_train_are_a_leak() -> None:
    found = look_for_leaks(evidence(data={"leaked_rows": 24}))
    assert found is not None
    assert found.name == LEAK
    assert found.evidence == "24 of 600 test rows (4%) stand in train, so test scores flatter"
    assert found.remedy == "dataset.on_leak=drop"


def test_rows_that_were_dropped_are_none() -> None:
    assert look_for_leaks(evidence(data={"leaked_rows": 24}, on_leak="drop")) is None


def test_a_row_among_hundreds_is_no_trouble() -> None:
    assert look_for_leaks(evidence(data={"leaked_rows": 2})) is None


def test_a_healthy_run_has_none_and_where_train_was_not_read_nothing_is_said() -> None:
    assert look_for_leaks(evidence()) is None
    assert look_for_leaks(evidence(data={"leaked_rows": None})) is None


def test_train_rows_that_repeat_are_duplicates() -> None:
    found = look_for_duplicates(evidence(data={"duplicate_rows": 64}))
    assert found is not None
    assert found.name == DUPLICATES
    assert found.evidence == ("64 of 640 train rows (10%) repeat others and count again; take them out of the file")


def test_a_few_duplicates_are_no_trouble() -> None:
    assert look_for_duplicates(evidence(data={"duplicate_rows": 5})) is None
    assert look_for_duplicates(evidence()) is None
