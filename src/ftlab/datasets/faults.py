"""What is wrong with the rows, collected so that a user repairs a file once and not ten times."""

from __future__ import annotations

from ftlab.errors import DataError

LIMIT = 10  # sentences a reader takes in at once


class Faults:
    """Collects sentences; ``raise_any`` raises them together, ten at most."""

    def __init__(self) -> None:
        self._sentences: list[str] = []
        self._count = 0

    def __bool__(self) -> bool:
        """Say whether there is any fault."""
        return self._count > 0

    def add(self, sentence: str) -> None:
        """Keep one more sentence; beyond ten they are only counted."""
        self._count += 1
        if len(self._sentences) < LIMIT:
            self._sentences.append(sentence)

    def add_more(self, count: int) -> None:
        """Count faults whose sentences would not be shown anyway."""
        assert count == 0 or self._count >= LIMIT, "the first ten are said"
        self._count += count

    @property
    def full(self) -> bool:
        """Say whether further sentences are only counted."""
        return self._count >= LIMIT

    def add_error(self, error: DataError) -> None:
        """Keep the sentences of an error that stopped one split, so that the other splits are still read."""
        for sentence in error.sentences:
            self.add(sentence)

    def raise_any(self) -> None:
        """Raise what was collected.

        Raises:
            DataError: there is a fault; the tenth sentence counts the rest where there are more.
        """
        if not self._count:
            return
        if self._count > LIMIT:
            rest = self._count - (LIMIT - 1)
            self._sentences[-1] = f"and {rest} more faults like these, shown once the ones above are repaired"
        raise DataError(*self._sentences)
