"""HTML made of data: every text is escaped on its way in, so that none of it is ever markup or script."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from typing import Any

_SCRIPT = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def escape(value: object) -> Html:
    """Return ``value`` such that a browser shows it as it is, in text and in quoted attributes."""
    return value if isinstance(value, Html) else Html(html.escape(_clean(str(value)), quote=True))


def element(name: str, *inside: object, **attributes: object) -> Html:
    """Return an element; what is inside and the values of attributes are escaped unless they are ``Html``.

    ``class_`` and ``for_`` lose their underscore, ``aria_label`` gets a dash. None and False leave an attribute out,
    True gives it without a value.
    """
    parts = [name]
    for key, value in attributes.items():
        said = key.rstrip("_").replace("_", "-")
        if value is True:
            parts.append(said)
        elif value is not None and value is not False:
            parts.append(f'{said}="{escape(value)}"')
    return Html(f"<{' '.join(parts)}>{join(inside)}</{name}>")


def join(parts: Iterable[object], between: str = "") -> Html:
    """Return ``parts`` in a row, each escaped unless it is ``Html``."""
    return Html(between.join(escape(part) for part in parts))


def json_script(name: str, value: Any) -> Html:  # noqa: ANN401 - whatever JSON holds
    """Return a script element that holds ``value`` as data: nothing in it can end the element, and it does not run."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Html(f'<script type="application/json" id="{escape(name)}">{_clean(text).translate(_SCRIPT)}</script>')


def table(head: Iterable[object], rows: Iterable[Iterable[object]], caption: str, class_: str = "plain") -> Html:
    """Return a table whose first column names the rows; the others hold numbers or words."""
    top = join(element("th", name, scope="col") for name in head)
    body = []
    for row in rows:
        first, *rest = row
        cells = join(element("td", cell) for cell in rest)
        body.append(element("tr", element("th", first, scope="row"), cells))
    inside = (
        element("caption", caption, class_="unseen"),
        element("thead", element("tr", top)),
        element("tbody", join(body)),
    )
    return element(
        "div",
        element("table", *inside, class_=class_),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def _clean(text: str) -> str:
    """Return ``text`` as UTF-8 can hold it: a lone surrogate becomes a question mark, a NUL nothing."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
