"""What opens beside the leaderboard for one candidate: labels, mistakes, confidence, times, trouble seen.

Numbers and settings of every candidate come from the page's data; what stands here is only for those with details.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ftlab.compare.details import Detail
from ftlab.report import wording
from ftlab.report.board import sketches
from ftlab.report.board.markup import Html, element, join, table
from ftlab.report.board.panels import full_stop
from ftlab.results import Trouble

NOT_KEPT = "Rows, labels and times of this one are not kept on the page; its run folder has them."


def drawer(number: int, detail: Detail | None, troubles: Sequence[Trouble] | None) -> Html:
    """Return the template of one candidate's details: inert until the script puts it into the drawer.

    Args:
        number: of its row on the board.
        detail: what was read of its run; None: nothing was.
        troubles: that the diagnosis saw; None: none was made.
    """
    parts = [_troubles(troubles)] if troubles is not None else []
    if detail is not None:
        parts += _of_rows(detail)
        if detail.calls_ms is not None and len(detail.calls_ms) > 1:
            parts.append(section("Latency of one text", sketches.latency(detail.calls_ms)))
        if detail.missing:
            parts.append(element("p", f"No rows: {detail.missing}.", class_="note"))
    else:
        parts.append(element("p", NOT_KEPT, class_="note"))
    return element("template", join(parts), id=f"drawer-{number}")


def section(title: str, *inside: object) -> Html:
    """Return a part of the drawer under its heading."""
    return element("section", element("h3", title), *inside)


def _of_rows(detail: Detail) -> list[Html]:
    parts = []
    if detail.per_class:
        parts.append(section("Per label", _per_class(detail.per_class)))
    if detail.confusion is not None:
        parts.append(section("Confusion matrix", _confusion(detail)))
    elif detail.confused is not None:
        parts.append(section("Most confused labels", _confused(detail)))
    if detail.reliability is not None and detail.reliability.counts.any():
        said = (
            "A dot is a band of confidence, larger where it holds more rows; on the line, confidence can be believed."
        )
        parts.append(
            section("Calibration", sketches.calibration(detail.reliability), element("p", said, class_="note"))
        )
    return parts


def _troubles(troubles: Sequence[Trouble]) -> Html:
    if not troubles:
        return section("Diagnosis", element("p", "No trouble seen.", class_="note"))
    items = []
    for one in troubles:
        remedy = join([" Try ", element("code", one.remedy)]) if one.remedy else ""
        items.append(element("li", element("b", one.name), ": ", full_stop(one.evidence), remedy))
    return section("Diagnosis", element("ul", join(items), class_="troubles"))


def _per_class(classes: Mapping[str, Mapping[str, float | None]]) -> Html:
    columns = ("precision", "recall", "f1")
    rows = [
        (name, *(wording.score(row.get(column)) for column in columns), wording.number(row.get("support")))
        for name, row in classes.items()
    ]
    return table(("label", *columns, "rows"), rows, "Scores per label")


def _confused(detail: Detail) -> Html:
    """Return the pairs that a matrix of many labels would show, the commonest mistakes first."""
    assert detail.confused is not None
    said = f"{len(detail.labels):,} labels are too many for a matrix"
    if not detail.confused:
        return element("p", f"{said}, and no row is called by a wrong one.", class_="note")
    rows = [(one.true, one.predicted, f"{one.count:,} of {one.rows:,}") for one in detail.confused]
    note = element("p", f"{said}; these are the mistakes made most often.", class_="note")
    return join([note, table(("true label", "called", "rows of it"), rows, "Labels most often confused")])


def _confusion(detail: Detail) -> Html:
    """Return the counts, each cell as deep in colour as its share of the row; the label stands for both directions."""
    counts = detail.confusion
    assert counts is not None
    corner = element("th", "true ↓ predicted →", scope="col", class_="corner")
    names = [wording.one_line(name, 24) for name in detail.labels]
    head = element("tr", corner, join(element("th", name, scope="col") for name in names))
    rows = []
    for number, name in enumerate(names):
        total = max(1, int(counts[number].sum()))
        cells = []
        for column, count in enumerate(counts[number]):
            share = int(count) / total
            kind = ("right" if column == number else "wrong") + (" deep" if share > 0.55 else "")
            cells.append(element("td", f"{count:,}", class_=kind, style=f"--share:{share:.2f}", title=f"{share:.0%}"))
        rows.append(element("tr", element("th", name, scope="row"), join(cells)))
    caption = element("caption", "Rows by true and predicted label", class_="unseen")
    whole = element("table", caption, element("thead", head), element("tbody", join(rows)), class_="confusion")
    return element("div", whole, class_="scroll", tabindex="0", role="region", aria_label="Confusion matrix")
