"""What scoring the test split leaves in hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ftlab.verbs.tasks.written import Written


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says to one text: a label with its probability, or a text of its own."""

    text: str
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Tested:
    """One pass over the test split."""

    metrics: dict[str, float]
    scores: Any  # of the rows, of the module's own kind: Scores or LmScores
    written: Written | None = None  # answers to some of the rows, by a model that writes
