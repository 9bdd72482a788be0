"""``report.html``: the whole comparison in one file, its script and style inside; it needs no network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ftlab.compare.break_even import BreakEven
from ftlab.compare.details import Details
from ftlab.compare.troubles import Seen
from ftlab.compare.types import Board, Verdict
from ftlab.report.board import charts, panels, sections, troubles
from ftlab.report.board.drawers import drawer
from ftlab.report.board.leaderboard import leaderboard
from ftlab.report.board.markup import Html, element, escape, join, json_script
from ftlab.report.board.payload import payload
from ftlab.results import Trouble
from ftlab.state import write_durably

_ASSETS = Path(__file__).parent / "assets"
_SCRIPTS = ("theme", "numbers", "front", "money", "table", "drawer", "rows", "start")  # in the order they run


@dataclass(frozen=True, slots=True)
class Page:
    """Everything a page shows."""

    board: Board
    verdict: Verdict
    place: Path  # folder it will lie in: links to runs are relative to it
    money: BreakEven | None = None
    money_said: Sequence[str] = ()  # sentences on it, without a full stop
    details: Details = field(default_factory=Details)
    troubles: Mapping[str, Sequence[Trouble]] | None = None  # by Candidate.key, none where no diagnosis was made
    written: str = ""  # when and by what, for the foot
    seen: Sequence[Seen] = ()  # all trouble, for the section of its own


def page(shown: Page) -> str:
    """Return the page: nothing in the data can become markup or script, and its policy allows its own scripts only."""
    scripts = [charts.script(), "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)]
    assert not any("</script" in text.lower() for text in scripts), "it would end the element it stands in"
    body = join(
        [
            element("a", "Skip to the leaderboard", href="#leaderboard", class_="skip"),
            sections.top(shown.board),
            element("main", _main(shown)),
            element("footer", element("p", shown.written or "Written by ftlab.")),
            sections.dialog(),
            _templates(shown),
            json_script("data", payload(shown.board, shown.verdict, shown.money, shown.details.side, shown.place)),
            json_script("charts", charts.chart_items()),
            *(Html(f"<script>{text}</script>") for text in scripts),
        ]
    )
    return f'<!doctype html>\n<html lang="en">{_head(shown.board, scripts)}<body>{body}</body></html>\n'


def write_page(shown: Page) -> Path:
    """Write ``report.html`` into its place in one step and return its path."""
    path = shown.place / "report.html"
    write_durably(path, page(shown))
    return path


def _main(shown: Page) -> Html:
    board, verdict = shown.board, shown.verdict
    parts = [
        sections.verdict(board, verdict),
        panels.front(board, verdict),
        element(
            "section",
            sections.leaderboard_head(board, len(shown.details.of)),
            leaderboard(board, verdict, shown.place),
            id="leaderboard",
        ),
    ]
    if shown.money is not None and shown.money.segments:
        parts.append(panels.money(shown.money, shown.money_said))
    elif shown.money_said:
        parts.append(panels.no_money(shown.money_said))
    if shown.details.side is not None and shown.details.side.rows:
        parts.append(panels.rows(shown.details.side))
    if shown.seen:
        parts.append(troubles.section(shown.seen))
    parts.append(sections.aside(board))
    return join(parts)


def _templates(shown: Page) -> Html:
    numbers = {one.key: number for number, one in enumerate(shown.board.candidates)}
    seen = shown.troubles or {}
    keys = [key for key in numbers if key in shown.details.of or seen.get(key)]
    return join(drawer(numbers[key], shown.details.of.get(key), seen.get(key)) for key in keys)


def _head(board: Board, scripts: Sequence[str]) -> Html:
    allowed = " ".join(f"'sha256-{_digest(text)}'" for text in scripts)
    policy = {
        "default-src": "'none'",
        "script-src": allowed,
        "style-src": "'unsafe-inline'",  # bokeh sets styles on what it makes
        "img-src": "data: blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    said = "; ".join(f"{name} {value}" for name, value in policy.items())
    # These elements have no end tag.
    return Html(
        '<head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(said)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(sections.title(board))}</title><style>{_asset('page.css')}</style></head>"
    )


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
