"""Texts and row names of a split in little memory: a Python string object per row would cost more than a short row."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, compress, pairwise
from typing import Any, overload

_MOST_ODD = 1000  # values that are no text, kept so that a sentence can say what they are


class Texts(Sequence[str]):
    """Texts as UTF-8 in one block of memory; they become strings when they are asked for.

    Reads as a list of strings does; slices are lists. A value that is no text is kept in ``odd`` (the first thousand)
    and reads as the empty text, which no row may be either.

    Args:
        values: the first texts.
    """

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self._data = bytearray()
        self._ends = array("Q", [0])  # text i is data[ends[i]:ends[i + 1]]
        self.odd: dict[int, Any] = {}
        for value in values:
            self.append(value)

    def append(self, value: object) -> None:
        """Add a text, or something that should have been one."""
        if isinstance(value, str):
            self._data += value.encode("utf-8", "surrogatepass")
        elif len(self.odd) < _MOST_ODD:
            self.odd[len(self)] = value
        self._ends.append(len(self._data))

    def extend(self, other: Texts) -> None:
        """Add all texts of ``other``."""
        for position, value in other.odd.items():
            if len(self.odd) < _MOST_ODD:
                self.odd[len(self) + position] = value
        start = len(self._data)
        self._data += other._data
        self._ends.extend(end + start for end in other._ends[1:])

    @property
    def size(self) -> int:
        """Bytes of all texts."""
        return len(self._data)

    def where(self, mask: Iterable[Any]) -> Texts:
        """Return the texts where ``mask`` (N,) is true, in the same order."""
        kept = Texts()
        for start, end in compress(pairwise(self._ends), mask):
            kept._data += self._data[start:end]
            kept._ends.append(len(kept._data))
        return kept

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        place = range(len(self))[index]  # negative ones count from the end, others raise IndexError
        return self._data[self._ends[place] : self._ends[place + 1]].decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        for start, end in pairwise(self._ends):
            yield self._data[start:end].decode("utf-8", "surrogatepass")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Texts):
            return self._ends == other._ends and self._data == other._data
        return list(self) == other

    __hash__ = None  # type: ignore[assignment]  # it can grow

    def __repr__(self) -> str:
        return f"Texts({self[:3]}{', ...' if len(self) > 3 else ''})"


class RowIds(Sequence[str]):
    """Names of rows: where each comes from, and its number there, e.g. ``train:17``.

    Args:
        prefixes: one per file, e.g. ``train:``.
        starts: position of the first row of each file, ascending.
        numbers: number of each row in its file, (N,).
    """

    def __init__(self, prefixes: Sequence[str], starts: Sequence[int], numbers: Sequence[int]) -> None:
        self._prefixes = list(prefixes)
        self._starts = list(starts)
        self._numbers = numbers

    def where(self, mask: bytes) -> RowIds:
        """Return the names where ``mask`` (N,) is not 0, in the same order."""
        bounds = [*self._starts, len(self)]
        counts = (end - start - mask.count(0, start, end) for start, end in pairwise(bounds))
        starts = list(accumulate(counts, initial=0))[:-1]
        return RowIds(self._prefixes, starts, array("I", compress(self._numbers, mask)))

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        return f"{self._prefixes[bisect_right(self._starts, place) - 1]}{self._numbers[place]}"

    def __iter__(self) -> Iterator[str]:
        for prefix, (start, end) in zip(self._prefixes, pairwise([*self._starts, len(self)]), strict=True):
            for place in range(start, end):
                yield f"{prefix}{self._numbers[place]}"

    def __eq__(self, other: object) -> bool:
        return list(self) == (list(other) if isinstance(other, RowIds) else other)

    __hash__ = None  # type: ignore[assignment]  # as lists

    def __repr__(self) -> str:
        return f"RowIds({self[:3]}{', ...' if len(self) > 3 else ''})"
