"""The leaderboard of a page: one row per candidate, which the page's script sorts, filters and groups."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from ftlab.compare.types import Axis, Board, Candidate, Verdict
from ftlab.report import wording
from ftlab.report.board.columns import Columns, amount, columns_of, heading
from ftlab.report.board.markup import Html, element, join


def leaderboard(board: Board, verdict: Verdict, place: Path) -> Html:
    """Return the table with its tools above it.

    Args:
        board: its candidates in order.
        verdict: whose choice and front are marked.
        place: folder of the page: links to runs are relative to it.
    """
    columns = columns_of(board)
    marks = marks_of(verdict)
    rows = [_row(number, one, columns, marks, place) for number, one in enumerate(board.candidates)]
    caption = element("caption", "All candidates; the buttons in the head sort", class_="unseen")
    whole = element("table", caption, element("thead", _head(columns)), element("tbody", join(rows)), id="board")
    scroll = element(
        "div", whole, class_="scroll", tabindex="0", role="region", aria_label="Leaderboard, scrolls sideways"
    )
    return join([_tools(columns, len(board.candidates)), scroll])


def marks_of(verdict: Verdict) -> dict[str, str]:
    """Return of each marked candidate (by key) what it is: choice, runner-up, or front."""
    marks = {one.key: "front" for one in verdict.front}
    for one, name in ((verdict.runner_up, "runner-up"), (verdict.choice, "choice")):
        if one is not None:
            marks[one.key] = name
    return marks


def run_link(candidate: Candidate, place: Path) -> str | None:
    """Return the relative link from the page's folder to the folder of the chosen run; None: there is no run."""
    if candidate.chosen is None:
        return None
    folder = os.path.relpath(candidate.chosen.folder, place)
    return "./" + quote(Path(folder).as_posix()) + "/"  # the dot: what stands before a colon is never a scheme


def _tools(columns: Columns, count: int) -> Html:
    groups = join(element("option", said, value=value) for value, said in _GROUPS)
    parts = [
        _field("filter", "Filter", element("input", id="filter", type="search", placeholder="model, adapter, setting")),
        _field("group", "Group by", element("select", groups, id="group")),
        element("label", element("input", id="only-front", type="checkbox"), " front only", class_="check"),
    ]
    if columns.more:
        box = element("input", id="more", type="checkbox")
        parts.append(element("label", box, " all metrics", class_="check"))
    shown = element("output", f"{count:,} of {count:,}", id="shown", aria_live="polite")
    return element("div", join(parts), shown, class_="tools")


_GROUPS = (
    ("", "nothing"),
    ("model", "model"),
    ("adapter", "adapter"),
    ("prompt", "prompt"),
    ("compression", "compression"),
)


def _field(name: str, said: str, inside: Html) -> Html:
    return element("span", element("label", said, for_=name), inside, class_="field")


def _head(columns: Columns) -> Html:
    cells = [_sorter("Candidate", "text"), _sorter(heading(columns.main), "number", columns.main)]
    if columns.gain:
        cells.append(_sorter("vs untrained", "number", columns.main))
    cells += [_sorter(heading(axis), "number", axis) for axis in columns.shown]
    cells += [_sorter(heading(axis), "number", axis, "more") for axis in columns.more]
    cells += [_sorter(key, "text") for key in columns.settings]
    return element("tr", join(cells), element("th", "Run", scope="col"))


def _sorter(said: str, kind: str, axis: Axis | None = None, class_: str = "") -> Html:
    button = element("button", said, type="button", class_="sort")
    best = axis.direction if axis is not None else "min"  # what a first click puts on top
    return element("th", button, scope="col", data_kind=kind, data_best=best, class_=f"{kind} {class_}".strip())


def _row(number: int, one: Candidate, columns: Columns, marks: Mapping[str, str], place: Path) -> Html:
    mark = marks.get(one.key)
    badge = element("span", mark, class_=f"badge {mark}") if mark else ""
    button = element("button", one.key, type="button", class_="open", data_row=number)
    cells = [element("th", button, badge, scope="row", data_v=one.key), _main(one, columns.main)]
    if columns.gain:
        before, now = one.untrained.get(columns.main.name), one.values.get(columns.main.name)
        gain = None if before is None or now is None else now - before
        cells.append(_number(wording.change(before, now), gain))
    for axis, class_ in [(a, "") for a in columns.shown] + [(a, "more") for a in columns.more]:
        value = one.values.get(axis.name)
        cells.append(_number(amount(axis, value), value, class_))
    cells += [element("td", one.differs.get(key, "-"), data_v=one.differs.get(key, "")) for key in columns.settings]
    link = run_link(one, place)
    anchor = element("a", "folder", href=link, aria_label=f"Run folder of {one.key}") if link else "no run"
    groups = {f"data_{name}": getattr(one, name) for name in ("model", "adapter", "prompt", "compression")}
    return element("tr", join(cells), element("td", anchor), data_row=number, data_mark=mark, **groups)


def _main(one: Candidate, axis: Axis) -> Html:
    value, ends, spread = one.values.get(axis.name), one.interval.get(axis.name), one.spread.get(axis.name)
    said = [element("b", amount(axis, value))]
    if spread is not None:
        said.append(element("small", f"± {wording.score(spread)}, {wording.count(len(one.runs), 'seed')}"))
    if ends is not None:
        said.append(element("small", wording.interval(ends)))
    return element("td", join(said, " "), data_v=value, class_="number")


def _number(said: str, value: float | None, class_: str = "") -> Html:
    return element("td", said, data_v=value, class_=f"number {class_}".strip())
