from __future__ import annotations

import pytest

from ftlab.datasets.faults import Faults
from ftlab.errors import DataError


def test_no_fault_raises_nothing() -> None:
    faults = Faults()
    faults.raise_any()
    assert not faults


def test_faults_come_together_and_ten_at_most() -> None:
    faults = Faults()
    faults.add_error(DataError("row 0", "row 1"))
    for row in range(2, 10):
        faults.add(f"row {row}")
    assert faults
    with pytest.raises(DataError) as ten:
        faults.raise_any()
    assert ten.value.sentences == tuple(f"row {row}" for row in range(10))
    for row in range(10, 15):
        faults.add(f"row {row}")
    with pytest.raises(DataError, match="and 6 more faults") as more:
        faults.raise_any()
    assert more.value.sentences[:9] == tuple(f"row {row}" for row in range(9)) and len(more.value.sentences) == 10
