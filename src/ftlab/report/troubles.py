"""The end of a run's report: the trouble it saw, and what to type against it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from ftlab.report import wording
from ftlab.results import Trouble

NO_REMEDY = "no option helps"


@dataclass(frozen=True, slots=True)
class TroubleLines:
    """Name and evidence of each trouble, folded at the width; below each the remedy, whole, to be copied."""

    troubles: Sequence[Trouble]
    title: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield Text(self.title, style="bold")
        whole = options.overflow == "ignore"  # as in Report: what is printed by hand is folded
        for trouble in self.troubles:
            said = Text(overflow="fold")
            said.append(wording.one_line(trouble.name), style="bold yellow")
            yield said.append(f": {wording.one_line(trouble.evidence)}")
            remedy = wording.one_line(trouble.remedy)
            style = "bold" if remedy else ""
            yield Text(f"    {remedy or NO_REMEDY}", style, overflow="ignore" if whole else "fold", no_wrap=whole)


def trouble_lines(troubles: Sequence[Trouble] | None, verb: str = "train") -> TroubleLines | None:
    """Return what a run has to say of its trouble; None where it saw none.

    Args:
        troubles: of the run; None: nobody looked.
        verb: of the run. What would help is typed with ``train``, whatever verb has seen it.
    """
    if not troubles:
        return None
    helps = "; what to add to the next run:" if verb == "train" else "; what to add to the next ftlab train:"
    return TroubleLines(troubles, f"Trouble seen{helps if any(trouble.remedy for trouble in troubles) else ''}")
