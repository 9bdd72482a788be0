"""Small pictures inside the drawers of a page: inline SVG, coloured by the page's style sheet, so light and dark."""

from __future__ import annotations

import numpy as np

from ftlab.compare.rows import Floats
from ftlab.metrics.calibration import Reliability
from ftlab.report import wording
from ftlab.report.board.markup import Html, element, join

_WIDTH, _HEIGHT = 320, 200  # of the picture
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 8, 16, 34  # around what is drawn
_INNER, _DEEP = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
_BARS = 28


def calibration(bins: Reliability) -> Html:
    """Return the reliability diagram: how often the prediction is right at each confidence, with 95% intervals."""
    low, high = bins.accuracy_ci95()
    marks = [_line(0, 0, 1, 1, "ideal")]
    for number in np.flatnonzero(bins.counts):
        x, y = float(bins.mean_confidence[number]), float(bins.accuracy[number])
        said = f"confidence {x:.2f}: {y:.1%} right of {wording.count(int(bins.counts[number]), 'row')}"
        marks.append(_line(x, float(low[number]), x, float(high[number]), "whisker"))
        size = 2.2 + 3.5 * float(np.sqrt(bins.counts[number] / bins.counts.max()))
        dot = element("circle", element("title", said), cx=_x(x), cy=_y(y), r=f"{size:.1f}", class_="dot")
        marks.append(dot)
    ticks = [(share, f"{share:.1f}".replace("0.0", "0").replace("1.0", "1")) for share in (0, 0.5, 1)]
    name = f"Calibration: expected calibration error {wording.score(bins.ece)}"
    return _frame(join(marks), ticks, ticks, "confidence", "share right", name)


def latency(calls_ms: Floats) -> Html:
    """Return how the times of single calls (N,) are spread, with p50 and p95; the last bar has the slowest 1%."""
    low, high = float(calls_ms.min()), float(np.percentile(calls_ms, 99))
    if high - low < 0.02 * high or high <= low:  # all the same: an axis around them, not a magnified last digit
        low, high = 0.9 * low, 1.1 * high + 1e-9
    counts, edges = np.histogram(np.clip(calls_ms, low, high), bins=_BARS, range=(low, high))
    most, span = int(counts.max()), high - low
    marks = []
    for number in np.flatnonzero(counts):
        left, right = ((float(edge) - low) / span for edge in edges[number : number + 2])
        top = counts[number] / most
        said = f"{wording.count(int(counts[number]), 'call')} of {edges[number]:.3g} to {edges[number + 1]:.3g} ms"
        width = f"{max(0.5, (right - left) * _INNER - 1):.1f}"
        bar = {"x": _x(left), "y": _y(top), "width": width, "height": f"{top * _DEEP:.1f}", "class_": "bar"}
        marks.append(element("rect", element("title", said), **bar))
    quantiles = [(name, float(np.percentile(calls_ms, share))) for name, share in (("p50", 50), ("p95", 95))]
    for name, value in quantiles:
        place = min(1.0, (value - low) / span)
        marks.append(_line(place, 0, place, 1, f"mark {name}"))
        anchor = "end" if place > 0.6 or name == "p50" else "start"
        nudge = -3 if anchor == "end" else 3
        x = f"{float(_x(place)) + nudge:.1f}"
        marks.append(element("text", f"{name} {wording.number(value)}", x=x, y=_TOP - 4, text_anchor=anchor))
    middle = (low + high) / 2
    across = [((value - low) / span, wording.number(value)) for value in (low, middle, high)]
    said = ", ".join(f"{name} {wording.number(value, 'ms')}" for name, value in quantiles)
    name = f"Latency of {wording.count(len(calls_ms), 'call')}: {said}"
    return _frame(join(marks), across, [(0.0, "0"), (1.0, f"{most:,}")], "ms a call", "calls", name)


def _frame(
    marks: Html, across: list[tuple[float, str]], up: list[tuple[float, str]], below: str, beside: str, name: str
) -> Html:
    grid = [_line(0, at, 1, at, "grid") for at, _ in up]
    ends = ("start", "middle", "end")
    words = [
        element("text", said, x=_x(at), y=_HEIGHT - _BOTTOM + 14, text_anchor=ends[round(2 * at)])
        for at, said in across
    ]
    words += [element("text", said, x=_LEFT - 6, y=f"{float(_y(at)) + 3.5:.1f}", text_anchor="end") for at, said in up]
    words.append(element("text", below, x=_x(0.5), y=_HEIGHT - 4, text_anchor="middle", class_="axis"))
    middle = _TOP + _DEEP / 2
    turn = {"transform": f"rotate(-90 10 {middle:.0f})", "x": 10, "y": f"{middle:.0f}", "text_anchor": "middle"}
    words.append(element("text", beside, class_="axis", **turn))
    # SVG spells some names with capitals, and text_anchor with a dash as HTML does.
    return Html(
        element(
            "svg",
            join(grid),
            marks,
            join(words),
            viewbox=f"0 0 {_WIDTH} {_HEIGHT}",
            role="img",
            aria_label=name,
            class_="sketch",
        ).replace("viewbox=", "viewBox=", 1)
    )


def _line(x0: float, y0: float, x1: float, y1: float, kind: str) -> Html:
    return element("line", x1=_x(x0), y1=_y(y0), x2=_x(x1), y2=_y(y1), class_=kind)


def _x(share: float) -> str:
    return f"{_LEFT + share * _INNER:.1f}"


def _y(share: float) -> str:
    return f"{_TOP + (1 - share) * _DEEP:.1f}"
