"""Examples to token ids, with an exact mark on each token that a language model has to write.

A row is cut from the left of its history where it is too long, never from its answer. Plain text becomes blocks that
overlap by one token, so that each token but the first of a document is predicted once.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ftlab.datasets.examples import Example, Examples
from ftlab.datasets.faults import Faults
from ftlab.datasets.lm_encode import Encoder
from ftlab.datasets.lm_pieces import Piece, Writer
from ftlab.errors import DataError
from ftlab.prompts.chat import ChatTemplate, RenderError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_CHUNK = 512  # examples tokenised at a time, so that memory stays small beside the rows


@dataclass(frozen=True, slots=True)
class LmTokens:
    """Token ids of N rows, end to end in one array. A row is an example, or a block of a plain text."""

    ids: NDArray[np.int32]  # (sum of lengths,)
    supervised: NDArray[np.bool_]  # (sum of lengths,): to be predicted; never the first token of a row
    offsets: NDArray[np.int64]  # (N + 1,): row i is ids[offsets[i]:offsets[i + 1]]
    prompt_lengths: NDArray[np.int64]  # (N,): tokens before the last answer; of a block, its first half
    examples: NDArray[np.int64]  # (N,): which example each row is of
    truncated: int  # rows that lost the left of their history
    truncated_answers: int  # rows whose answer alone does not fit, and lost its end

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens per row, (N,)."""
        return np.diff(self.offsets)

    @property
    def supervised_counts(self) -> NDArray[np.int64]:
        """Tokens to be predicted per row, (N,)."""
        counts = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.supervised, dtype=np.int64)])
        return np.diff(counts[self.offsets])

    def row(self, number: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Return token ids (T,) and marks (T,) of a row."""
        place = slice(self.offsets[number], self.offsets[number + 1])
        return self.ids[place], self.supervised[place]


class _Rows:
    """Rows under way, each cut to ``max_length`` tokens.

    Args:
        encoder: of the tokenizer.
        max_length: tokens per row, at most.
        on_all: every token is to be predicted, not the answers alone.
    """

    def __init__(self, encoder: Encoder, max_length: int, on_all: bool) -> None:
        self._bos, self._eos, self._begins = encoder.bos, encoder.eos, encoder.begins
        self._max_length, self._on_all = max_length, on_all
        self._ids: list[NDArray[np.int32]] = []
        self._supervised: list[NDArray[np.bool_]] = []
        self._prompts, self._examples, self._lengths = array("q"), array("q"), array("q")
        self._truncated = self._truncated_answers = 0

    def __len__(self) -> int:
        return len(self._lengths)

    def add_text(self, ids: list[int], example: int) -> None:
        """Add a document, as blocks of which each begins with the last token of the one before."""
        whole = [*self._one(self._bos if self._begins else None), *ids, *self._one(self._eos)]
        for start in range(0, len(whole) - 1, self._max_length - 1):
            block = whole[start : start + self._max_length]
            self._add(block, [True] * len(block), len(block) // 2, example)

    def add_answer(self, pieces: list[Piece], found: list[list[int]], example: int) -> str | None:
        """Add a row of ``pieces``, the last of which is the answer; return why that cannot be.

        Args:
            pieces: of a text.
            found: the ids of each, without ``before`` and ``after``.
            example: number of it.
        """
        if not found[-1]:
            return "its answer has no token for this tokenizer; delete it"
        found = [[*self._one(p.before), *ids, *self._one(p.after)] for p, ids in zip(pieces, found, strict=True)]
        found[0] = found[0] or self._one(self._bos)  # something must stand before the first token to be predicted
        ids = [token for piece in found for token in piece]
        marks = [self._on_all or piece.is_answer for piece, part in zip(pieces, found, strict=True) for _ in part]
        answer, most = len(found[-1]), self._max_length
        prompt = len(ids) - answer
        if prompt == 0:
            return "nothing stands before its answer, so that its first token cannot be predicted; give it a prompt"
        if answer >= most:  # one token before it, since the first of a row is not predicted
            ids, marks, prompt = ids[prompt - 1 :][:most], marks[prompt - 1 :][:most], 1
            self._truncated_answers += 1
        elif len(ids) > most:
            # Models expect each text to begin with the same token.
            head = 1 if ids[0] == self._bos and answer + 1 < most else 0
            cut = len(ids) - most
            ids, marks, prompt = ids[:head] + ids[cut + head :], marks[:head] + marks[cut + head :], prompt - cut
            self._truncated += 1
        self._add(ids, marks, prompt, example)
        return None

    @staticmethod
    def _one(token: int | None) -> list[int]:
        return [] if token is None else [token]

    def _add(self, ids: list[int], marks: list[bool], prompt: int, example: int) -> None:
        self._ids.append(np.asarray(ids, np.int32))
        self._supervised.append(np.asarray(marks, np.bool_))
        self._supervised[-1][0] = False  # nothing stands before it
        self._prompts.append(prompt)
        self._examples.append(example)
        self._lengths.append(len(ids))

    def join(self) -> None:
        """Join what was added since the last time: an array per row costs more than a short row."""
        self._ids = [np.concatenate(self._ids)] if self._ids else []
        self._supervised = [np.concatenate(self._supervised)] if self._supervised else []

    def tokens(self) -> LmTokens:
        """Return all rows."""
        self.join()
        return LmTokens(
            ids=self._ids[0] if self._ids else np.zeros(0, np.int32),
            supervised=self._supervised[0] if self._supervised else np.zeros(0, np.bool_),
            offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(self._lengths, dtype=np.int64)]),
            prompt_lengths=np.array(self._prompts, np.int64),
            examples=np.array(self._examples, np.int64),
            truncated=self._truncated,
            truncated_answers=self._truncated_answers,
        )


def tokenize_examples(
    examples: Examples, tokenizer: PreTrainedTokenizerFast, template: ChatTemplate, max_length: int, loss_on: str
) -> LmTokens:
    """Return the tokens of ``examples``, with marks on those to be predicted.

    Conversations are written by the template. Prompts with completions stand as they are, with the token that ends a
    text behind them, unless the template was chosen by ``model.chat_template``: then they are question and answer.

    Args:
        examples: of one split.
        tokenizer: of the model.
        template: of conversations.
        max_length: tokens per row, at most.
        loss_on: ``completion``: the answers, each with the token that ends it; ``all``: every token.

    Raises:
        DataError: no room for an answer, or rows in which nothing could be learned; ten sentences at most.
    """
    if max_length < 2:
        raise DataError(
            f"dataset.max_length={max_length} leaves no room for an answer beside a token before it; type "
            "dataset.max_length=256"
        )
    encoder = Encoder(tokenizer)
    rows = _Rows(encoder, max_length, loss_on == "all")
    if examples.kind == "text":
        _add_texts(examples, encoder, rows)
    else:
        _add_answers(examples, Writer(encoder, template), rows)
    if len(examples) and not len(rows):
        raise DataError(
            f"row {examples.ids[0]} and all others have no more than one token for this tokenizer, so there is nothing "
            "to predict; give longer texts"
        )
    return rows.tokens()


def _add_texts(examples: Examples, encoder: Encoder, rows: _Rows) -> None:
    for number, example in enumerate(examples):
        assert example.text is not None, "a split is of one kind"
        rows.add_text(encoder.encode_long(example.text), number)
        if number % _CHUNK == _CHUNK - 1:
            rows.join()


def _add_answers(examples: Examples, writer: Writer, rows: _Rows) -> None:
    faults = Faults()
    numbered = enumerate(examples)
    while chunk := list(islice(numbered, _CHUNK)):
        for number, pieces, ids in _written(chunk, examples.ids, writer, faults):
            if why := rows.add_answer(pieces, ids, number):
                faults.add(f"row {examples.ids[number]}: {why}")
        rows.join()
    faults.raise_any()


def _written(
    chunk: Sequence[tuple[int, Example]], names: Sequence[str], writer: Writer, faults: Faults
) -> Iterator[tuple[int, list[Piece], list[list[int]]]]:
    """Yield number, pieces, and the ids of each piece; the pieces of a chunk are encoded together."""
    written = []
    for number, example in chunk:
        try:
            written.append((number, writer.pieces(example)))
        except RenderError as error:
            faults.add(f"row {names[number]}: {error}")
    openings = iter(writer.encoder.encode([pieces[0].text for _, pieces in written]))
    behind = iter(writer.encoder.encode([p.text for _, pieces in written for p in pieces[1:]], continued=True))
    for number, pieces in written:
        yield number, pieces, [next(openings), *(next(behind) for _ in pieces[1:])]
