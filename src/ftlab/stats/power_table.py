"""The tables of docs/verdict.md: rows a difference in accuracy needs, and what a test set of a size can see.

``python -m ftlab.stats.power_table`` prints both; a test compares the page with them.
"""

from __future__ import annotations

from ftlab.stats.power import mcnemar_power, rows_needed

DIFFERENCES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.10)
DISCORDANCES = (0.05, 0.10, 0.20, 0.30)
ROWS = (100, 200, 300, 500, 1000, 2000, 5000, 10000, 25000)
CURVE_DISCORDANCE = 0.10


def rows_table() -> str:
    """Return, as markdown, the rows that 80% power needs: differences down, shares of discordant rows across."""
    head = "| difference in accuracy | " + " | ".join(f"{d:.0%} disagree" for d in DISCORDANCES) + " |"
    lines = [head, "|---" + "|---:" * len(DISCORDANCES) + "|"]
    for difference in DIFFERENCES:
        cells = [rows_cell(difference, discordance) for discordance in DISCORDANCES]
        lines.append(f"| {difference * 100:g} points | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def power_table() -> str:
    """Return, as markdown, the power at 10% discordant rows: test sets down, differences across."""
    head = "| test rows | " + " | ".join(f"{d * 100:g} points" for d in DIFFERENCES) + " |"
    lines = [head, "|---" + "|---:" * len(DIFFERENCES) + "|"]
    for rows in ROWS:
        lines.append(f"| {rows:,} | " + " | ".join(power_cell(rows, difference) for difference in DIFFERENCES) + " |")
    return "\n".join(lines)


def rows_cell(difference: float, discordance: float) -> str:
    """Return one cell; a dash where models that disagree on so few rows cannot differ by so much."""
    return f"{rows_needed(difference, discordance):,}" if difference <= discordance else "-"


def power_cell(rows: int, difference: float) -> str:
    """Return one cell, in percent."""
    power = mcnemar_power(rows, difference, CURVE_DISCORDANCE)
    return f"{power:.0%}" if power < 0.995 else "> 99%"


if __name__ == "__main__":
    print(rows_table(), power_table(), sep="\n\n")
