"""The results files as one Markdown page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.runner import Line

_HEAD = """# Benchmarks

Made by `python -m benchmarks` from the files in `results/`; not written by hand. Both sides of a row ran in turns
(A B, B A, ...) after a warm-up, and were checked to compute the same. The ratio is the median of the paired ratios with
its 95% bootstrap interval; the absolute numbers are this machine's, and only context.
"""


def page(records: list[Mapping[str, Any]]) -> str:
    """Return the page, one table per workload."""
    return "\n".join([_HEAD, *(_section(record) for record in sorted(records, key=lambda r: str(r["name"])))])


def rebuild(out: Path) -> Path:
    """Write RESULTS.md beside the folder ``out`` from every results file in it."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(out.glob("*.json"))]
    target = out.parent / "RESULTS.md"
    target.write_text(page(records), encoding="utf-8")
    return target


def _section(record: Mapping[str, Any]) -> str:
    rows = [f"## {record['name']}", "", str(record["what"]), ""]
    if record["skipped"]:
        return "\n".join([*rows, f"**Not measured here**: {record['skipped']}.", ""])
    if record["quick"]:
        rows += ["**A quick run**: it shows that the workload works; its numbers are not for quoting.", ""]
    lines = [Line(**line) for line in record["lines"]]
    rows += ["| question | ours | other | ratio (95%) | pairs | wanted |", "|---|---|---|---|---|---|"]
    rows += [_row(line) for line in lines]
    rows += ["", *(f"- {line.question}: {remark}" for line in lines for remark in _remarks(line))]
    return "\n".join([*rows, "", _where(record), ""])


def _row(line: Line) -> str:
    other = "-" if line.median_other is None else f"{line.other}: {number(line.median_other)} {line.unit}"
    bounds = f"({number(line.low)} to {number(line.high)})"
    ratio = f"- {bounds} {line.unit}" if line.ratio is None else f"**{number(line.ratio)}** {bounds}"
    wanted = "" if line.wanted is None else f"{line.wanted}: {'yes' if line.held else '**no**'}"
    return (
        f"| {line.question} | {line.ours}: {number(line.median_ours)} {line.unit} | {other} | {ratio} | {line.pairs} "
        f"| {wanted} |"
    )


def _remarks(line: Line) -> list[str]:
    remarks = [line.note] if line.note else []
    if line.held is False:
        remarks.append(f"**falls short**: {number(line.value)} where {line.wanted} is wanted.")
    if not line.sure:
        remarks.append(f"not sure: the interval lies on both sides of {line.wanted}.")
    return remarks


def _where(record: Mapping[str, Any]) -> str:
    machine, versions = record["machine"], record["versions"]
    named = ", ".join(f"{package} {version}" for package, version in versions.items())
    commit = f", commit {record['commit']}" if record["commit"] else ""
    return (
        f"*{record['date'][:10]}{commit}; {machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads; "
        f"Python {machine['python']}, {named}.*"
    )


def number(value: float) -> str:
    """Return ``value`` to three significant digits, with no exponent."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return text if "e" not in text else f"{value:.8f}".rstrip("0")
