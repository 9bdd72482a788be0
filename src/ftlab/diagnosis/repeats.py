"""Leaks, and duplicates: test rows that were trained on, and train rows that count several times."""

from __future__ import annotations

from ftlab.diagnosis.evidence import FEWEST_TEST_ROWS, Evidence
from ftlab.diagnosis.remedies import typed
from ftlab.diagnosis.wording import share
from ftlab.results import Trouble

LEAK, DUPLICATES = "leaked test rows", "duplicate rows"
LEAKED = 0.005  # of the test rows: they can lift a score by as much, half a point
REPEATED = 0.05  # of the train rows


def look_for_leaks(evidence: Evidence) -> Trouble | None:
    """Find test rows whose text stands in train; with ``on_leak=drop`` they were taken out of it."""
    data = evidence.result.dataset
    if data is None or not data.leaked_rows or evidence.options.on_leak == "drop" or not evidence.tested:
        return None
    part = data.leaked_rows / data.test_rows
    if part < LEAKED:
        return None
    said = (
        f"{data.leaked_rows:,} of {data.test_rows:,} test rows ({share(part)}) stand in train, so test scores flatter"
    )
    return Trouble(LEAK, said, typed("dataset.on_leak", "drop"))


def look_for_duplicates(evidence: Evidence) -> Trouble | None:
    """Find train rows that repeat others."""
    data = evidence.result.dataset
    if data is None or data.train_rows < FEWEST_TEST_ROWS or not evidence.trained:
        return None
    part = data.duplicate_rows / data.train_rows
    if part < REPEATED:
        return None
    said = f"{data.duplicate_rows:,} of {data.train_rows:,} train rows ({share(part)}) repeat others and count again"
    return Trouble(DUPLICATES, f"{said}; take them out of the file", "")
