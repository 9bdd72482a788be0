from __future__ import annotations

from pathlib import Path

import pytest

from ftlab.stats.power_table import DIFFERENCES, DISCORDANCES, ROWS, power_cell, power_table, rows_cell, rows_table

PAGE = (Path(__file__).parents[3] / "docs" / "verdict.md").read_text(encoding="utf-8")


def table(first: str) -> list[list[str]]:
    """Return the cells of the page's table whose head begins with ``first``, the head with them."""
    start = PAGE.index(f"| {first} |")
    lines = PAGE[start : PAGE.index("\n\n", start)].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("|---")]


@pytest.mark.parametrize(("row", "column"), [(1, 0), (2, 1), (4, 0), (4, 3), (5, 1)])
def test_rows_on_the_page_are_those_the_function_gives(row, column):
    cells = table("difference in accuracy")
    assert cells[row + 1][0] == f"{DIFFERENCES[row] * 100:g} points"
    assert cells[0][column + 1] == f"{DISCORDANCES[column]:.0%} disagree"
    assert cells[row + 1][column + 1] == rows_cell(DIFFERENCES[row], DISCORDANCES[column])


@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 3), (4, 2), (6, 1), (3, 5)])
def test_powers_on_the_page_are_those_the_function_gives(row, column):
    cells = table("test rows")
    assert cells[row + 1][0] == f"{ROWS[row]:,}"
    assert cells[0][column + 1] == f"{DIFFERENCES[column] * 100:g} points"
    assert cells[row + 1][column + 1] == power_cell(ROWS[row], DIFFERENCES[column])


@pytest.mark.slow
def test_the_page_has_both_tables_whole():
    assert rows_table() in PAGE and power_table() in PAGE
