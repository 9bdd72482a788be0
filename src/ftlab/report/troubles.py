"""The end of a run's report: the trouble it saw, and what to type against it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from ftlab.report import wording
from ftlab.results import Trouble

_STYLE = "bold yellow"
NO_REMEDY = "no option helps"


def trouble_lines(troubles: Sequence[Trouble] | None, verb: str = "train") -> Text | None:
    """Return name, evidence and remedy of each trouble, a line each; None where nothing was seen.

    Args:
        troubles: of the run; None: nobody looked.
        verb: of the run. What would help is typed with ``train``, whatever verb has seen it.
    """
    if not troubles:
        return None
    text = Text("Trouble seen", style="bold")
    if any(trouble.remedy for trouble in troubles):
        text.append("; what to add to the next ftlab train" if verb != "train" else "; what to add to the next run")
    for trouble in troubles:
        text.append("\n").append(wording.one_line(trouble.name), style=_STYLE)
        text.append(f": {wording.one_line(trouble.evidence)}", style="not bold")
        remedy = wording.one_line(trouble.remedy) or NO_REMEDY
        text.append(f"\n    {remedy}", style="bold" if trouble.remedy else "not bold")
    return text
