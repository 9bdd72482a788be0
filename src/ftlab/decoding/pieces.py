"""Tokens into text as they come: whole characters only, and nothing of a stop string."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

BROKEN = "\ufffd"  # what a decoder shows for a part of a character


def decode(tokenizer: Any, ids: Sequence[int]) -> str:  # noqa: ANN401 - transformers' tokenizers share no base class
    """Return the text of ``ids`` as it was written, without special tokens."""
    text: str = tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return text


class Pieces:
    """The text of one answer.

    ``push`` decodes the last few tokens only, beside those before them: what a token looks like may depend on its left
    neighbour (a leading space), and one token may be a part of a character.

    Args:
        tokenizer: a fast tokenizer.
        stops: the text ends before the first of them.
    """

    def __init__(self, tokenizer: Any, stops: Sequence[str] = ()) -> None:  # noqa: ANN401
        self._tokenizer, self._stops = tokenizer, list(stops)
        self._ids: list[int] = []
        self._context, self._read = 0, 0  # ids[context:read] was the last piece
        self._whole = ""  # all text known, what is held included
        self._given = 0  # characters handed out
        self.stopped = False

    def push(self, token: int) -> str:
        """Take the next token and return the text that is sure by now, often empty."""
        assert not self.stopped, "the answer has ended"
        self._ids.append(token)
        before = decode(self._tokenizer, self._ids[self._context : self._read])
        after = decode(self._tokenizer, self._ids[self._context :])
        if len(after) <= len(before) or after.endswith(BROKEN):
            return ""
        self._context, self._read = self._read, len(self._ids)
        return self._grow(after[len(before) :])

    def end(self) -> str:
        """Return what was held back, now that no token follows; a part of a character is left out."""
        if self.stopped:
            return ""
        before = decode(self._tokenizer, self._ids[self._context : self._read])
        rest = decode(self._tokenizer, self._ids[self._context :])[len(before) :].rstrip(BROKEN)
        piece = self._grow(rest)
        return piece if self.stopped else piece + self._give(len(self._whole))

    @property
    def text(self) -> str:
        """What was handed out so far."""
        return self._whole[: self._given]

    def _grow(self, piece: str) -> str:
        longest = max(map(len, self._stops), default=0)
        start = max(0, len(self._whole) - longest + 1)  # where a stop string that ends in the piece may begin
        self._whole += piece
        found = {stop: place for stop in self._stops if (place := self._whole.find(stop, start)) >= 0}
        if found:
            self.stopped = True
            end = min(place + len(stop) for stop, place in found.items())  # the piece may complete several
            first = min(place for stop, place in found.items() if place + len(stop) <= end)
            return self._give(max(first, self._given))
        return self._give(len(self._whole) - self._held())

    def _held(self) -> int:
        """Return how many characters at the end may be the beginning of a stop string."""
        sizes = range(min(max(map(len, self._stops), default=1) - 1, len(self._whole)), 0, -1)
        return next((n for n in sizes if any(s.startswith(self._whole[-n:]) for s in self._stops if len(s) > n)), 0)

    def _give(self, upto: int) -> str:
        piece, self._given = self._whole[self._given : upto], max(upto, self._given)
        return piece
