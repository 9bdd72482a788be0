"""Everything a report says, found and not yet written: what terminal, markdown, JSON and page are made of."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftlab.compare.break_even import BreakEven
from ftlab.compare.troubles import Seen
from ftlab.compare.types import Board, Candidate, Verdict
from ftlab.results import Trouble

_BEGINNINGS = ("above", "at", "below", "between", "from", "no")  # of clauses on money


@dataclass(frozen=True, slots=True)
class Whole:
    """A comparison of runs."""

    board: Board
    verdict: Verdict
    money: BreakEven | None = None  # of those that meet the constraints; None: no price is known
    money_said: tuple[str, ...] = ()  # sentences on it, without a full stop
    inputs: tuple[str, ...] = ()  # as the user named the runs
    settings: tuple[str, ...] = ()  # key=value that were not left as they are
    written: str = ""  # when and by what
    diagnosed: Mapping[str, Sequence[Trouble]] | None = None  # by Candidate.key; None: no diagnosis was made
    seen: tuple[Seen, ...] = ()  # the same by trouble, with that of the comparison as a whole

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know before believing it: of the board, then of the verdict."""
        return tuple(dict.fromkeys((*self.board.notes, *self.verdict.notes)))

    @property
    def again(self) -> str:
        """What to type to have the same report again."""
        return shlex.join(("ftlab", "compare", *self.inputs, *self.settings))


def sentence(said: str) -> str:
    """Return a clause as a sentence; a candidate's name at its beginning stays as it is."""
    return f"{said[0].upper() if said.partition(' ')[0] in _BEGINNINGS else said[0]}{said[1:]}."


def place_of(candidate: Candidate) -> Path | None:
    """Return the folder of the run that stands for a candidate; None: it has a price only."""
    return candidate.chosen.folder if candidate.chosen else None
