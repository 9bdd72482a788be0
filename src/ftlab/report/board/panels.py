"""The parts of a page that its script fills: the front, the money, the rows that two models say different things of."""

from __future__ import annotations

from collections.abc import Sequence

from ftlab.compare.break_even import BreakEven
from ftlab.compare.side_by_side import SideBySide
from ftlab.compare.types import Axis, Board, Verdict
from ftlab.report import wording
from ftlab.report.board.columns import heading
from ftlab.report.board.markup import Html, element, join
from ftlab.report.board.whole import sentence


def panel_head(name: str, said: str) -> Html:
    """Return a panel's heading with the line below it."""
    return join([element("h2", name), element("p", said, class_="lead")])


def full_stop(text: str) -> str:
    """Return ``text`` with a full stop where it has none."""
    line = text.strip()
    return line if not line or line[-1] in ".!?" else f"{line}."


def front(board: Board, found: Verdict) -> Html:
    """Return the chart of two axes with the choice of each."""
    axes = found.axes or board.axes
    second = next((axis for axis in axes if axis.name != board.main.name), None)
    second = second or next((axis for axis in board.measured if axis.name != board.main.name), board.main)
    picks = [
        _select("x-axis", "Across", board.measured, second),
        _log("x-log", "log", second.kind != "quality"),
        _select("y-axis", "Up", board.measured, board.main),
        _log("y-log", "log", board.main.kind != "quality" and board.main.direction == "min"),
        element("span", element("label", "Colour", for_="colour"), element("select", id="colour"), class_="field"),
    ]
    keys = "Arrow keys walk from candidate to candidate, Enter opens one"
    chart = element(
        "div",
        id="front",
        class_="chart",
        tabindex="0",
        role="application",
        aria_label=f"Front chart. {keys}; the leaderboard below has the same numbers.",
    )
    legend = element("p", id="legend", class_="legend")
    said = element("p", id="front-said", class_="note", aria_live="polite")
    head = panel_head(
        "The front", "Dots on the dashed line are beaten by no other on both axes. Thin bars are 95% intervals."
    )
    return element("section", head, element("div", join(picks), class_="tools"), chart, legend, said, class_="card")


def _select(name: str, said: str, axes: Sequence[Axis], chosen: Axis) -> Html:
    options = [element("option", heading(a), value=a.name, selected=a.name == chosen.name) for a in axes]
    return element("span", element("label", said, for_=name), element("select", join(options), id=name), class_="field")


def _log(name: str, said: str, on: bool) -> Html:
    side = "across" if name == "x-log" else "up"
    box = element("input", id=name, type="checkbox", checked=on, aria_label=f"Logarithmic {side}")
    return element("label", box, f" {said}", class_="check")


def money(plan: BreakEven, said: Sequence[str]) -> Html:
    """Return the chart of what each candidate costs at what volume, with the volume to ask about."""
    spans = wording.count(int(plan.months), "month") if plan.months == int(plan.months) else f"{plan.months:g} months"
    chart = element(
        "div",
        id="money",
        class_="chart",
        role="img",
        aria_label="Total cost by requests a month; the sentences below say where the cheapest changes",
    )
    slider = element("input", id="volume", type="range", min="0", max="1000", value="500")
    ask = element(
        "div",
        element("label", "Requests a month", for_="volume"),
        slider,
        element("output", id="costs", for_="volume"),
        class_="ask",
    )
    sentences = _sentences(said) if said else ""
    head = panel_head(
        "Money over time",
        f"Training plus serving over {spans}. The thick line is the cheapest, a circle where that changes.",
    )
    return element("section", head, chart, ask, sentences, class_="card", id="break-even")


def no_money(said: Sequence[str]) -> Html:
    """Return what stands in the place of the chart where no candidate has its prices."""
    head = panel_head("Money over time", "Training plus serving.")
    return element("section", head, _sentences(said), class_="card", id="break-even")


def _sentences(said: Sequence[str]) -> Html:
    return element("ul", join(element("li", full_stop(sentence(one))) for one in said))


def rows(side: SideBySide) -> Html:
    """Return the place where two models are read side by side."""
    said = "Test rows that the two label differently." if side.labelled else "What the two wrote to the same prompts."
    picks = [
        element("span", element("label", label, for_=name), element("select", id=name), class_="field")
        for name, label in (("first", "Model"), ("second", "against"))
    ]
    counts = element("p", id="pair", class_="note", aria_live="polite")
    return element(
        "section",
        panel_head("Row by row", said),
        element("div", join(picks), class_="tools"),
        counts,
        element("div", id="texts"),
        element("button", "Show more", type="button", id="show-more", class_="quiet", hidden=True),
        class_="card",
        id="rows",
    )
