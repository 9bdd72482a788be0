"""The charts of a page as pictures for slides: PNG and SVG, in the style of every other picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from ftlab.compare.break_even import BreakEven, Line
from ftlab.compare.break_even_words import requests
from ftlab.compare.types import Axis, Board, Candidate, Verdict
from ftlab.report import wording
from ftlab.report.board.columns import heading
from ftlab.report.style import BLUE, GREEN, GREY, INK, ORANGE, drawing, grid, legend_above

FORMATS = ("png", "svg")
_COLOURS = (BLUE, ORANGE, GREEN, "#A8559A", "#B98300", "#3F9FD8", "#7A5C3E", GREY)
_WIDE = 8.0  # values whose largest is this many times their smallest get a log axis
_CURVES = 8
_CROWD = 60  # candidates from which only the front has bars
_NAMED = 12  # candidates with their names beside them
_LONGEST = 34  # characters of a name


def write_images(board: Board, verdict: Verdict, money: BreakEven | None, folder: Path) -> list[Path]:
    """Write ``front`` and, where prices are known, ``break_even``, each as PNG and SVG; return their paths.

    Args:
        board: the candidates.
        verdict: on them.
        money: None: prices are not known.
        folder: it is made.
    """
    written = []
    for form in FORMATS:
        if axes := _plane(board, verdict):
            written.append(folder / f"front.{form}")
            plot_front(board, verdict, *axes, written[-1])
        if money is not None and money.segments:
            written.append(folder / f"break_even.{form}")
            plot_break_even(money, verdict, board.dataset, written[-1])
    return written


def _plane(board: Board, verdict: Verdict) -> tuple[Axis, Axis] | None:
    """Return what goes across and up: the first other axis of the front and the main metric; None: only that."""
    other = [axis for axis in (*verdict.axes, *board.axes, *board.measured) if axis.name != board.main.name]
    return (other[0], board.main) if other else None


def plot_front(board: Board, verdict: Verdict, across: Axis, up: Axis, path: Path) -> None:
    """Draw the candidates over two axes, with their 95% intervals, the front's line, and the choice.

    Args:
        board: the candidates; one without a value on either axis is left out.
        verdict: whose choice, runner-up and front are marked.
        across: the axis from left to right.
        up: the other one.
        path: PNG or SVG.
    """
    known = [one for one in board.candidates if _at(one, across, up) is not None]
    title = f"{up.label} against {across.label}"
    with drawing(path, title, _subject(board), 7.6, 4.6) as figure:
        axes = figure.subplots()
        front = [one.key for one in verdict.front]
        feasible = {one.key for one in verdict.feasible}
        steps = _stairs([one for one in known if one.key in feasible], across, up)
        if len(steps) > 1:
            axes.plot(*zip(*steps, strict=True), color=GREY, linestyle="--", linewidth=1.2, label="front of these two")
        beaten = [one for one in known if one.key not in front]
        _draw(axes, beaten, "#9AA1AB", 5, "dominated", (across, up), bars=len(known) <= _CROWD)
        _draw(axes, [one for one in known if one.key in front], BLUE, 7, "front", (across, up), bars=True)
        _mark_choice(axes, verdict, across, up)
        _axis(axes, "x", across, [point[0] for one in known if (point := _at(one, across, up))])
        _axis(axes, "y", up, [point[1] for one in known if (point := _at(one, across, up))])
        _name_points(axes, verdict, known, across, up)
        legend_above(axes)
        grid(axes)
        axes.margins(x=0.12, y=0.1)


def _draw(
    axes: Axes,
    members: Sequence[Candidate],
    colour: str,
    size: int,
    label: str,
    plane: tuple[Axis, Axis],
    *,
    bars: bool,
) -> None:
    for one in members if bars else ():
        _whiskers(axes, one, *plane, colour)
    if points := [point for one in members if (point := _at(one, *plane))]:
        axes.plot(*zip(*points, strict=True), "o", color=colour, markersize=size, label=label)


def _mark_choice(axes: Axes, verdict: Verdict, across: Axis, up: Axis) -> None:
    point = _at(verdict.choice, across, up) if verdict.choice is not None else None
    if point is not None:
        axes.plot(*point, "o", color=ORANGE, markersize=10, markeredgecolor=INK, markeredgewidth=1.6, label="choice")


def _name_points(axes: Axes, verdict: Verdict, known: Sequence[Candidate], across: Axis, up: Axis) -> None:
    """Write the names of the verdict's candidates, then the best, where they hide no other name."""
    first = [one for one in (verdict.choice, verdict.runner_up) if one is not None]
    ordered = {one.key: one for one in (*first, *verdict.front, *known) if _at(one, across, up) is not None}
    axes.figure.canvas.draw()
    places = [axes.transData.transform(point) for one in known if (point := _at(one, across, up))]
    boxes = [(x - 9, y - 9, x + 9, y + 9) for x, y in places]  # names hide no dot, and no other name
    edge = axes.get_window_extent()
    for one in list(ordered.values())[:_NAMED]:
        text, point = wording.one_line(one.key, _LONGEST), _at(one, across, up)
        assert point is not None
        x, y = axes.transData.transform(point)
        wide, high = 11.0 * len(text), 20.0  # pixels at 150 dpi
        for right, above in ((True, True), (True, False), (False, True), (False, False)):
            left, low = (x + 12 if right else x - 12 - wide), (y + 8 if above else y - 8 - high)
            box = (left, low, left + wide, low + high)
            if (
                edge.x0 < box[0]
                and box[2] < edge.x1
                and all(box[0] >= o[2] or o[0] >= box[2] or box[1] >= o[3] or o[1] >= box[3] for o in boxes)
            ):
                boxes.append(box)
                offset = {"xytext": (7 if right else -7, 5 if above else -5), "textcoords": "offset points"}
                align = {"ha": "left" if right else "right", "va": "bottom" if above else "top"}
                axes.annotate(text, point, fontsize=8, color=INK, **offset, **align)  # type: ignore[arg-type]
                break


def plot_break_even(money: BreakEven, verdict: Verdict, dataset: str, path: Path) -> None:
    """Draw what candidates cost by requests a month, the cheapest thick, and the volumes where that changes.

    Args:
        money: with a segment or more.
        verdict: whose choice and runner-up are drawn in any case.
        dataset: for the line below the title.
        path: PNG or SVG.
    """
    turns = [volume for volume in money.volumes if volume >= 1]
    low, high = (min(turns) / 30 if turns else 100), max(15 * money.shown_to, 1000.0)
    volumes = np.geomspace(max(1.0, low), high, 200)
    held = {line.candidate.key: line for line in money.lines}
    wanted = [segment.candidate.key for segment in money.segments]
    wanted += [one.key for one in (verdict.choice, verdict.runner_up) if one is not None]
    lines = [held[key] for key in dict.fromkeys([*wanted, *held]) if key in held][:_CURVES]
    months = wording.count(int(money.months), "month") if money.months % 1 == 0 else f"{money.months:g} months"
    subject = f"{dataset}: training and serving over {months}; thick: the cheapest"
    with drawing(path, "Total cost by requests a month", subject, 7.6, 4.6) as figure:
        axes = figure.subplots()
        for line, colour in zip(lines, _COLOURS, strict=False):
            _curve(axes, line, money, volumes, colour)
        for volume in turns:
            axes.axvline(volume, color=GREY, linestyle=":", linewidth=1.2)
            place = axes.get_xaxis_transform()
            axes.text(volume, 0.02, f" {requests(volume)}", transform=place, va="bottom", color=INK, fontsize=9)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: requests(value)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: wording.usd(value)))
        for side in (axes.xaxis, axes.yaxis):
            side.set_minor_locator(NullLocator())
        axes.set(xlabel="requests a month", ylabel=f"total cost over {months}", xlim=(volumes[0], volumes[-1]))
        legend_above(axes)
        grid(axes)


def _curve(
    axes: Axes, line: Line, money: BreakEven, volumes: np.ndarray[tuple[int], np.dtype[np.float64]], colour: str
) -> None:
    costs = np.array([line.total(float(volume), money.months) for volume in volumes])
    costs = np.where(costs > 0, costs, np.nan)
    axes.plot(volumes, costs, color=colour, linewidth=1.5, label=wording.one_line(line.candidate.key, _LONGEST))
    for segment in money.segments:
        if segment.candidate.key == line.candidate.key:
            held = (volumes >= segment.low) & (volumes <= (segment.high or np.inf))
            axes.plot(volumes[held], costs[held], color=colour, linewidth=4.5, solid_capstyle="round")


def _at(one: Candidate, across: Axis, up: Axis) -> tuple[float, float] | None:
    x, y = one.values.get(across.name), one.values.get(up.name)
    return None if x is None or y is None else (x, y)


def _stairs(known: Sequence[Candidate], across: Axis, up: Axis) -> list[tuple[float, float]]:
    """Return the line of what no other beats on both axes: between two points it takes the worse of both values."""
    signs = [1.0 if axis.direction == "max" else -1.0 for axis in (across, up)]
    points = [point for one in known if (point := _at(one, across, up))]
    points.sort(key=lambda point: (-signs[0] * point[0], -signs[1] * point[1]))
    kept: list[tuple[float, float]] = []
    for point in points:
        if not kept or signs[1] * point[1] > signs[1] * kept[-1][1]:
            kept.append(point)
    corners = {number: (after[0], before[1]) for number, (before, after) in enumerate(pairwise(kept))}
    return [place for number, point in enumerate(kept) for place in (point, corners.get(number)) if place is not None]


def _whiskers(axes: Axes, one: Candidate, across: Axis, up: Axis, colour: str) -> None:
    point = _at(one, across, up)
    assert point is not None
    style = {"color": colour, "linewidth": 0.9, "alpha": 0.7}
    if (ends := one.interval.get(across.name)) is not None:
        axes.plot(ends, (point[1], point[1]), **style)  # type: ignore[arg-type]
    if (ends := one.interval.get(up.name)) is not None:
        axes.plot((point[0], point[0]), ends, **style)  # type: ignore[arg-type]


def _axis(axes: Axes, side: str, axis: Axis, values: Sequence[float]) -> None:
    """Name an axis; where its values are all above 0 and lie far apart, it is logarithmic."""
    log = axis.kind != "quality" and min(values, default=0) > 0 and max(values) > _WIDE * min(values)
    axes.set(**{f"{side}label": f"{heading(axis)}, {'higher' if axis.direction == 'max' else 'lower'} is better"})
    if not log:
        return
    axes.set(**{f"{side}scale": "log"})
    ruler = axes.xaxis if side == "x" else axes.yaxis
    ruler.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ruler.set_major_formatter(FuncFormatter(lambda value, _: wording.number(value)))
    ruler.set_minor_locator(NullLocator())


def _subject(board: Board) -> str:
    facts = (board.dataset, wording.count(board.test_rows, "test row"), board.device, "bars are 95% intervals")
    return ", ".join(fact for fact in facts if fact)
