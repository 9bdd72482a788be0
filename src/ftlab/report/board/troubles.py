"""The trouble that runs and comparison are in, for page, terminal and markdown: who, what, how it shows, what helps."""

from __future__ import annotations

from collections.abc import Sequence

from ftlab.compare.named import a_few
from ftlab.compare.troubles import Seen
from ftlab.report import wording
from ftlab.report.board.markup import Html, element, join
from ftlab.report.board.panels import full_stop, panel_head

HEADS = ("candidate", "trouble", "how it shows", "what would help")
WHOLE = "the comparison"
NO_REMEDY = "no option"
MOST = 60  # lines of a table; a terminal has fewer
MOST_SAID = 8
_MOST_NAMED = 3


def section(seen: Sequence[Seen]) -> Html:
    """Return the panel of a page; its texts are escaped."""
    items = []
    for one in seen[:MOST]:
        parts = [element("b", one.trouble.name), element("span", f" {who(one)}", class_="note")]
        parts.append(element("div", full_stop(one.trouble.evidence)))
        if one.trouble.remedy:
            parts.append(element("div", "Try ", element("code", one.trouble.remedy)))
        items.append(element("li", join(parts)))
    head = panel_head("Trouble", "What the runs' own numbers tell against them, and what to add to the next run.")
    left = left_out(len(seen), MOST, "the drawers have it")
    note = element("p", left, class_="note") if left else ""
    listed = element("ul", join(items), class_="troubles")
    return element("section", head, listed, note, class_="card", id="trouble")


def lines(seen: Sequence[Seen]) -> list[tuple[str, str]]:
    """Return of each trouble what a terminal says of it and what to type: of those that could ship only, and few."""
    foremost = [one for one in seen if one.foremost]
    shown = [
        (f"{who(one)}, {one.trouble.name}: {full_stop(one.trouble.evidence)}", one.trouble.remedy)
        for one in foremost[:MOST_SAID]
    ]
    left = left_out(len(seen), min(len(foremost), MOST_SAID), "the report has it")
    return [*shown, (left, "")] if left else shown


def cells(one: Seen) -> list[str]:
    """Return the cells of a line of the table, for markdown."""
    trouble = one.trouble
    return [who(one), trouble.name, full_stop(trouble.evidence), trouble.remedy or NO_REMEDY]


def who(one: Seen) -> str:
    """Name who has a trouble."""
    if not one.names:
        return WHOLE
    return a_few(one.names, _MOST_NAMED)


def left_out(count: int, shown: int, where: str) -> str:
    """Say how much is not shown; nothing where all is."""
    more = count - shown
    return f"{wording.count(more, 'more trouble')}: {where}." if more > 0 else ""
