"""The answer of one prompt while it is being written, and when it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ftlab.decoding.ends import Ends
from ftlab.decoding.pieces import BROKEN, Pieces, decode
from ftlab.decoding.sampling import row_source

Stopped = Literal["eos", "stop", "length"]


@dataclass(frozen=True, slots=True)
class Generated:
    """What a model wrote.

    Args:
        ids: all tokens it wrote, the one that ended the answer and those of a stop string included.
        text: the answer, without special tokens, up to a stop string.
        prompt_tokens: tokens that were read.
        completion_tokens: tokens that were written.
        stopped: by the model's end (eos), by a stop string, or by the length.
        prompt_cut: tokens at the beginning of the prompt that were left out, since the context has no room for them.
    """

    ids: list[int]
    text: str
    prompt_tokens: int
    completion_tokens: int
    stopped: Stopped
    prompt_cut: int = 0


class Writing:
    """An answer that grows token by token.

    Args:
        row: of the prompts; it decides the random numbers.
        prompt: what is read.
        cut: tokens of the prompt left out.
        limit: tokens to be written, at most.
        ends: what ends it earlier.
        tokenizer: makes text of tokens.
        seed: of sampling.
        follow: text is wanted piece by piece; else only where a stop string is looked for.
    """

    def __init__(
        self,
        row: int,
        prompt: list[int],
        cut: int,
        limit: int,
        ends: Ends,
        tokenizer: Any,  # noqa: ANN401
        seed: int | None,
        *,
        follow: bool = False,
    ) -> None:
        self.row, self.prompt, self.limit = row, prompt, limit
        self.source = row_source(seed, row)
        self.ids: list[int] = []
        self.stopped: Stopped | None = None
        self._cut, self._ends, self._tokenizer = cut, ends, tokenizer
        self._pieces = Pieces(tokenizer, ends.strings) if follow or ends.strings else None

    def add(self, token: int) -> str:
        """Take the next token; return the text it makes sure, if that is followed. ``stopped`` says if it ends here."""
        assert self.stopped is None, "the answer has ended"
        self.ids.append(token)
        pieces, piece = self._pieces, ""
        if token in self._ends.eos:
            self.stopped = "eos"
        elif token in self._ends.stop:
            self.stopped = "stop"
        elif pieces is not None:
            piece = pieces.push(token)
        if self.stopped is None and len(self.ids) >= self.limit:
            self.stopped = "length"
        if pieces is not None:
            piece += pieces.end() if self.stopped else ""
            if pieces.stopped:  # maybe in the last characters only, which were not sure before
                self.stopped = "stop"
        return piece

    def finished(self) -> Generated:
        """Return the whole."""
        assert self.stopped is not None, "still being written"
        if self._pieces is not None:
            text = self._pieces.text
        else:
            text = decode(self._tokenizer, self.ids).rstrip(BROKEN)  # a part of a character
        return Generated(self.ids, text, len(self.prompt), len(self.ids), self.stopped, self._cut)
