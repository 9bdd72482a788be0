"""Which runs ``ftlab list`` shows, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ftlab.errors import did_you_mean

if TYPE_CHECKING:  # the command line needs the words below, not the reading of runs
    from ftlab.inventory.entries import Entry

STATUSES = ("running", "finished", "failed", "killed", "pruned", "skipped", "broken")
FILTERS = ("status", "verb", "experiment", "model", "adapter", "dataset")
_MOST_NAMED = 20  # values listed in a sentence


@dataclass(frozen=True, slots=True)
class Selection:
    """Runs to show, how many more ``limit`` cut, and sentences on filters that found nothing."""

    entries: Sequence[Entry]
    cut: int
    notes: Sequence[str]


def select_runs(
    entries: Sequence[Entry], filters: Mapping[str, str | None], sort: str = "started", limit: int | None = None
) -> Selection:
    """Return the runs that pass every filter, the best or newest first.

    Args:
        entries: all runs.
        filters: key of ``FILTERS`` -> words with commas between them, any of which will do; capitals do not count.
        sort: started, main (by the metric's own direction), p50 or usd.
        limit: at most so many; None: all.
    """
    wanted = {key: _words(text) for key, text in filters.items() if text is not None}
    kept = [entry for entry in entries if all(_value(entry, key).casefold() in wanted[key] for key in wanted)]
    notes = [note for key in wanted for note in _unknown(entries, key, wanted[key])] if entries else []
    if entries and not kept and not notes:
        typed = " ".join(f"{key}={filters[key]}" for key in wanted)
        notes.append(f"no run fits {typed} together; leave one of them out")
    ordered = _sorted(kept, sort)
    shown = ordered if limit is None else ordered[:limit]
    return Selection(shown, len(ordered) - len(shown), notes)


def _words(text: str) -> dict[str, str]:
    words = [word.strip() for word in text.split(",")]
    return {word.casefold(): word for word in words if word}


def _value(entry: Entry, key: str) -> str:
    value: str | None = getattr(entry, key)
    return value or ""


def _unknown(entries: Sequence[Entry], key: str, words: Mapping[str, str]) -> list[str]:
    there = sorted({_value(entry, key) for entry in entries} - {""})
    folded = {value.casefold() for value in there}
    listed = ", ".join(there[:_MOST_NAMED]) + (", ..." if len(there) > _MOST_NAMED else "") or "none"
    return [
        f"no run has {key}={word}{_near(key, word, there)} There are: {listed}"
        for folded_word, word in words.items()
        if folded_word not in folded
    ]


def _near(key: str, word: str, there: Sequence[str]) -> str:
    return did_you_mean(word, there).replace("mean ", f"mean {key}=") or "."


def _sorted(entries: Sequence[Entry], sort: str) -> list[Entry]:
    newest = sorted(entries, key=lambda entry: (entry.started or "", entry.folder), reverse=True)
    if sort == "started":
        return newest
    return sorted(newest, key=_RANKS[sort])  # stable: the newest first among equals


def _by_main(entry: Entry) -> tuple[bool, str, float]:
    value = entry.main_value or 0.0
    return entry.main_value is None, entry.main_metric or "", value if entry.main_direction == "min" else -value


def _by_p50(entry: Entry) -> tuple[bool, float]:
    return entry.p50_ms is None, entry.p50_ms or 0.0


def _by_usd(entry: Entry) -> tuple[bool, float]:
    return entry.usd_per_1k_requests is None, entry.usd_per_1k_requests or 0.0


_RANKS = {"main": _by_main, "p50": _by_p50, "usd": _by_usd}
SORTS = ("started", *_RANKS)
