"""The tables of ``ftlab list``: runs of their own, then one table per sweep. Folders stand below, to be copied."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath

from rich.markup import escape
from rich.text import Text

from ftlab.inventory.entries import Entry, Inventory
from ftlab.report import wording
from ftlab.report.tables import STRONG, new_table, place_lines, status_text
from ftlab.report.terminal import Report

# Told once, above the table, where all runs share them.
_SHARED = ("verb", "model", "adapter", "dataset")
_WIDE = 100  # columns of a terminal


def listing(inventory: Inventory, shown: Sequence[Entry], *, filtered: bool, width: int = 80) -> Iterator[Report]:
    """Yield a table of the runs that belong to no sweep, then one per sweep with its counts above.

    Args:
        inventory: everything that was found; a sweep's counts are of all its jobs.
        shown: entries in the order to show; they are numbered through.
        filtered: whether runs were left out, so that a sweep without a job in ``shown`` is left out too.
        width: of the terminal, in characters.
    """
    numbers = {entry.folder: str(number) for number, entry in enumerate(shown, start=1)}
    columns = _Columns(shown, width)
    single = [entry for entry in shown if entry.sweep_folder is None]
    if single:
        yield _table(f"{wording.count(len(single), 'run')}{columns.said}", single, numbers, columns)
    order = dict.fromkeys(entry.sweep_folder for entry in shown if entry.sweep_folder is not None)
    for folder in [*order, *(f for f in inventory.sweeps if f not in order and not filtered)]:
        jobs = [entry for entry in inventory.entries if entry.sweep_folder == folder]
        title = f"sweep {PurePath(folder).name}: {_counts(jobs)}{columns.said}"
        kept = [entry for entry in shown if entry.sweep_folder == folder]
        yield _table(title, kept, numbers, columns, place_lines("in", shlex.quote(folder)))


def _counts(jobs: Sequence[Entry]) -> str:
    counts = Counter(job.status for job in jobs)
    finished, others = counts.pop("finished", 0), sorted(counts.items())
    return ", ".join([f"{finished} of {wording.count(len(jobs), 'job')} finished", *(f"{n} {s}" for s, n in others)])


class _Columns:
    """What the tables have in common: which columns are needed, and what is told once."""

    def __init__(self, shown: Sequence[Entry], width: int) -> None:
        values = {key: {getattr(entry, key) for entry in shown} - {None} for key in _SHARED}
        once = {key: found.pop() for key, found in values.items() if len(shown) > 1 and len(found) == 1}
        self.said = "".join(f", {key} {wording.one_line(value)}" for key, value in once.items())
        plain = all(entry.name == f"{entry.model}_{entry.adapter}" for entry in shown if entry.status != "broken")
        self.words = [key for key in ("verb", "name", "model", "adapter", "dataset") if key not in once]
        if plain:
            self.words.remove("name")  # it says model and adapter once more
        if width >= _WIDE:  # the time stands in the folder's name too
            self.words.insert(0, "started")
        mains = {entry.main_metric for entry in shown} - {None}
        self.main = mains.pop() if len(mains) == 1 else None


def _told(entry: Entry, key: str) -> str | None:
    value: str | None = getattr(entry, key)
    if key == "started" and value:
        return value[:16].replace("T", " ")
    return None if entry.status == "broken" else value  # whose name is its folder's, which stands below


def _table(
    title: str, entries: Sequence[Entry], numbers: Mapping[str, str], columns: _Columns, lines: Sequence[str] = ()
) -> Report:
    measured = [wording.one_line(columns.main or "main metric"), "p50 ms", "$ / 1k"]
    heads = ["started UTC" if key == "started" else key for key in columns.words]
    table = new_table(escape(title), ["#", "status", *heads], measured)
    table.padding = (0, 1, 0, 0)
    table.columns[1].no_wrap = True
    places = [*lines]
    for entry in entries:
        number = numbers[entry.folder]
        told = [_told(entry, key) for key in columns.words]
        value = wording.score(entry.main_value)
        if columns.main is None and entry.main_metric:
            value = f"{wording.one_line(entry.main_metric)} {value}"
        table.add_row(
            number,
            status_text(entry.status),
            *(Text(wording.one_line(text or wording.UNKNOWN)) for text in told),
            Text(value, style=STRONG),
            wording.number(entry.p50_ms),
            wording.usd(entry.usd_per_1k_requests),
        )
        places += place_lines(number, shlex.quote(entry.folder), entry.status, entry.error)
    return Report([table] if entries else [Text(title, style=STRONG)], places)
