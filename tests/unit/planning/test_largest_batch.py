"""The largest number of rows that fit."""

import pytest

from ftlab.planning.largest_batch import MB, largest_batch
from ftlab.planning.memory import memory_of, static_bytes
from planned_cells import cell


@pytest.mark.parametrize("rows", [1, 12, 16])
def test_the_rows_found_fit_and_one_more_does_not(rows):
    request = cell(rows=16)
    room = memory_of(request, rows).peak / MB
    found = largest_batch(request, room)
    assert found >= rows
    assert memory_of(request, found).peak <= room * MB
    assert found == 16 or memory_of(request, found + 1).peak > room * MB


def test_not_one_row_fits_where_the_weights_do_not():
    request = cell(rows=16)
    assert largest_batch(request, 0.9 * static_bytes(request) / MB) == 0
    assert largest_batch(request, 0.999 * memory_of(request, 1).peak / MB) == 0


def test_no_more_rows_than_a_step_has():
    assert largest_batch(cell(rows=16), 1e6) == 16
