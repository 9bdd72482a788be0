"""How numbers and names are written, the same on the terminal, in pictures and in cards."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from ftlab.metrics.measures import MEASURES
from ftlab.results import RunResult

UNKNOWN = "-"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def subject(result: RunResult) -> str:
    """Return what was measured: ``minilm + lora on policy_stance``."""
    model = result.model.name if result.model else result.run.name
    adapter = f" + {result.adapter['name']}" if result.model and result.adapter.get("name") else ""
    dataset = f" on {result.dataset.name}" if result.dataset else ""
    return one_line(f"{model}{adapter}{dataset}")


def one_line(text: str, limit: int | None = None) -> str:
    """Return ``text`` with no control characters, on one line, cut to ``limit`` characters with ``...``."""
    line = " ".join(_CONTROL.sub(" ", text).split())
    return line if limit is None or len(line) <= limit else line[: limit - 3].rstrip() + "..."


def first_line(error: str | None) -> str:
    """Return the line of ``error`` that says what happened: the first, of a traceback the last."""
    lines = [line for line in (error or "").splitlines() if line.strip()]
    if not lines:
        return UNKNOWN
    return one_line(lines[-1] if lines[0].startswith("Traceback") else lines[0])


def score(value: float | None) -> str:
    """Return a metric: ``0.812``, ``17.93``, ``128.0``."""
    return f"{value:.{_metric_decimals(value)}f}" if _known(value) else UNKNOWN  # type: ignore[arg-type]


def change(before: float | None, after: float | None) -> str:
    """Return the difference of two metrics with its sign: ``+0.481``."""
    if not (_known(before) and _known(after)):
        return UNKNOWN
    most = max(abs(before), abs(after))  # type: ignore[arg-type]
    return f"{after - before:+.{_metric_decimals(most)}f}"  # type: ignore[operator]


def _metric_decimals(value: float) -> int:
    """Return how many decimals four digits leave, three at most."""
    return max(0, 3 - sum(abs(value) >= edge for edge in (10, 100, 1000)))


def interval(ends: tuple[float | None, float | None] | None) -> str:
    """Return an interval: ``0.772 to 0.851``."""
    if ends is None or not (_known(ends[0]) and _known(ends[1])):
        return UNKNOWN
    return f"{score(ends[0])} to {score(ends[1])}"


def usd(value: float | None) -> str:
    """Return dollars with two or three significant digits, cents at least: ``$0.0012``, ``$1.25``, ``$1,234``."""
    if not _known(value):
        return UNKNOWN
    assert value is not None
    if value == 0:
        return "$0"
    if abs(value) >= 99.95:
        return f"${value:,.0f}"
    value = float(f"{value:.3g}") if abs(value) < 1 else value
    text = f"{value:.{max(2, 2 - math.floor(math.log10(abs(value))))}f}"
    while text.endswith("0") and len(text.partition(".")[2]) > 2:  # cents stay, zeros beyond them go
        text = text[:-1]
    return f"${text}"


def number(value: float | None, unit: str = "") -> str:
    """Return a measured number with about three significant digits and its unit: ``12.3 ms``, ``1,234 ms``."""
    if not _known(value):
        return UNKNOWN
    assert value is not None
    value = value if abs(value) >= 100 else float(f"{value:.3g}")
    text = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.{_decimals(value)}f}"
    return f"{text} {unit}".rstrip()


def scaled(value: float | None, letters: str = "KMBT") -> str:
    """Return a large number with a letter for its thousands: ``22.7 M``, ``8.03 B``; FLOPs take ``KMGTP``."""
    if not _known(value):
        return UNKNOWN
    assert value is not None
    power = 0
    while abs(value) >= 999.5 and power < len(letters):
        value, power = value / 1000, power + 1
    return f"{float(f'{value:.3g}'):g} {letters[power - 1]}" if power else number(value)


def span(ends: tuple[float, float] | None, say: Callable[[float | None], str]) -> str:
    """Return a range as ``say`` writes its ends: ``12 s to 40 s``; where both read the same, one of them."""
    if ends is None:
        return UNKNOWN
    low, high = say(ends[0]), say(ends[1])
    return low if low == high else f"{low} to {high}"


def count(many: int, noun: str) -> str:
    """Return ``1 thread``, ``1,234 threads``."""
    return f"{many:,} {noun}{'' if many == 1 else 's'}"


def better(metric: str, main: Mapping[str, str]) -> str:
    """Return ``higher`` or ``lower``: where the better values of a metric lie; an own one that is not main: ``-``."""
    known = MEASURES[metric].direction if metric in MEASURES else main["direction"] if metric == main["name"] else None
    return UNKNOWN if known is None else "higher" if known == "max" else "lower"


def duration(seconds: float | None) -> str:
    """Return a time as people say it: ``0.42 s``, ``48 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if not _known(seconds):
        return UNKNOWN
    assert seconds is not None
    if seconds < 59.5:
        return number(seconds, "s") if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def _decimals(value: float) -> int:
    """Return the decimals of three significant digits, the last zeros left out."""
    return len(f"{value:.{2 - math.floor(math.log10(abs(value)))}f}".rstrip("0").partition(".")[2])


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
