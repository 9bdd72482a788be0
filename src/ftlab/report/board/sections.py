"""What a page says in words: its head, the verdict, and what stands aside."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ftlab.compare.comparable import left_out
from ftlab.compare.named import a_few
from ftlab.compare.telling import NOT_TESTED
from ftlab.compare.types import Axis, Board, Comparison, Verdict
from ftlab.report import wording
from ftlab.report.board.columns import amount, measured
from ftlab.report.board.markup import Html, element, join, table
from ftlab.report.board.panels import full_stop, panel_head

_NEAREST = 5  # candidates named where nothing meets the constraints
_NAMED_APART = 12  # runs named where they stand apart


def title(board: Board) -> str:
    """Return the page's title."""
    return f"Which model to ship: {board.dataset}" if board.dataset else "Which model to ship"


def top(board: Board) -> Html:
    """Return the head of the page: its title, what the numbers rest on, and the switch of the theme."""
    facts = [
        wording.count(len(board.candidates), "candidate"),
        wording.count(board.test_rows, "test row"),
        board.device,
    ]
    button = element("button", "Dark", type="button", id="theme", aria_pressed="false", class_="quiet")
    said = element("p", " · ".join(fact for fact in facts if fact), class_="facts")
    return element("header", element("div", element("h1", title(board)), said), button)


def verdict(board: Board, found: Verdict) -> Html:
    """Return the three sentences, the choice's numbers, what the tests say, and what a reader must know."""
    first, *rest = found.sentences
    lines = [element("p", first, class_="first"), *(element("p", one) for one in rest)]
    parts = [element("h2", "Verdict", class_="eyebrow"), join(lines), _asked(found)]
    if found.choice is not None:
        parts.append(_tiles(found))
    if found.misses:
        parts.append(_misses(found))
    if found.comparisons:
        parts.append(_comparisons(found.comparisons))
    notes = list(dict.fromkeys((*board.notes, *found.notes)))
    if notes:
        items = join(element("li", full_stop(note)) for note in notes)
        parts.append(element("details", element("summary", f"Worth knowing ({len(notes)})"), element("ul", items)))
    return element("section", join(parts), class_="card verdict", id="verdict")


def _asked(found: Verdict) -> Html:
    chips = [f"objective: {found.objective}"]
    for one in found.constraints:
        chips.append(f"{one.axis.label} {'≥' if one.bound == 'min' else '≤'} {measured(one.axis, one.limit)}")
    return element("p", join((element("span", chip, class_="chip") for chip in chips), " "), class_="chips")


def _tiles(found: Verdict) -> Html:
    """Return the choice's number on each axis of the front, with its interval and the runner-up's below it."""
    assert found.choice is not None
    tiles = []
    for axis in found.axes:
        ends = found.choice.interval.get(axis.name)
        sure = f"95%: {amount(axis, ends[0])} to {amount(axis, ends[1])}" if ends is not None else ""
        value = measured(axis, found.choice.values.get(axis.name))
        other = f"runner-up {measured(axis, found.runner_up.values.get(axis.name))}" if found.runner_up else ""
        inside = [element("dt", axis.label), element("dd", value, class_="value")]
        inside += [element("dd", said) for said in (sure, other) if said]
        tiles.append(element("div", join(inside), class_="tile"))
    return element("dl", join(tiles), class_="tiles", aria_label=f"Numbers of {found.choice.key}")


def _misses(found: Verdict) -> Html:
    rows = [
        (one.candidate.key, one.constraint.axis.label, measured(one.constraint.axis, one.value),
         measured(one.constraint.axis, one.constraint.limit), measured(one.constraint.axis, one.by))
        for one in found.misses[:_NEAREST]
    ]  # fmt: skip
    head = ("candidate", "constraint", "has", "limit", "misses by")
    return element("div", element("h3", "The nearest misses"), table(head, rows, "The nearest misses"))


def _comparisons(comparisons: Sequence[Comparison]) -> Html:
    rows = []
    for one in comparisons:
        told = "not tested" if one.method.startswith(NOT_TESTED) else "tie"
        verdict = element("b", "told apart") if one.told_apart else told
        rows.append(
            (
                one.other.key,
                one.axis.label,
                _signed(one.axis, one.difference),
                _ends(one),
                _p(one.p_holm),
                verdict,
                one.method,
            )
        )
    head = ("choice against", "on", "difference", "95%", "p (Holm)", "", "by")
    inside = table(head, rows, "The choice against the other members of the front")
    return element("details", element("summary", f"How sure is that? ({wording.count(len(rows), 'test')})"), inside)


def _signed(axis: Axis, value: float | None, shown: Callable[[Axis, float], str] = measured) -> str:
    if value is None:
        return wording.UNKNOWN
    return ("+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else "") + shown(axis, abs(value))


def _ends(one: Comparison) -> str:
    return (
        wording.UNKNOWN
        if one.ci95 is None
        else f"{_signed(one.axis, one.ci95[0], amount)} to {_signed(one.axis, one.ci95[1])}"
    )


def _p(value: float | None) -> str:
    return wording.UNKNOWN if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def leaderboard_head(board: Board, detailed: int) -> Html:
    """Return the heading of the leaderboard, which says whose details the page holds."""
    said = "A click on a name opens its details."
    if 0 < detailed < len(board.candidates):
        said += (
            f" Rows, labels and times are kept for {detailed} of them: the front and the best by {board.main.label}."
        )
    return panel_head("Leaderboard", said)


def aside(board: Board) -> Html:
    """Return the runs that are not on the board, and why; nothing where there are none."""
    parts = []
    for one in board.apart:
        names = [run.result.run.name for run in one.runs]
        parts.append(element("li", full_stop(one.reason), " ", element("small", a_few(names, _NAMED_APART))))
    for run in board.failed[:_NAMED_APART]:
        error = wording.first_line(run.result.run.error) if run.result.run.error else ""
        parts.append(element("li", left_out(run, error)))
    if len(board.failed) > _NAMED_APART:
        parts.append(element("li", f"{len(board.failed) - _NAMED_APART} more did not finish"))
    if not parts:
        return Html("")
    return element(
        "section",
        panel_head("Not on the board", "Runs that cannot be ranked with the others, or did not finish."),
        element("ul", join(parts)),
        class_="card",
    )


def dialog() -> Html:
    """Return the drawer, empty and closed."""
    close = element("button", "Close", type="button", id="close", class_="quiet")
    head = element("div", element("h2", id="drawer-title", tabindex="-1"), close, class_="drawer-head")
    return element("dialog", head, element("div", id="drawer-body"), id="drawer", aria_labelledby="drawer-title")
