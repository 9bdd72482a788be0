"""What a language model learns from: conversations, prompts with their completions, or plain text, in three splits."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from ftlab.datasets.compact import Texts
from ftlab.datasets.splits import Rows
from ftlab.prompts.turns import ROLES, Turn

Kind = Literal["chat", "pair", "text"]
SEPARATOR = "\0"  # within an encoded example; no text may hold it, which the checks see to
_ROLE_OF = {role[0]: role for role in ROLES}


@dataclass(frozen=True, slots=True)
class Example:
    """One thing to learn: ``turns``, or ``prompt`` and ``completion``, or ``text``; the others are empty or None.

    ``turns``: an optional system turn, then user and assistant in turn; the last is the assistant's.
    """

    turns: tuple[Turn, ...] = ()
    prompt: str | None = None
    completion: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        given = [bool(self.turns), self.prompt is not None and self.completion is not None, self.text is not None]
        assert given.count(True) == 1, "an example is a conversation, or a prompt with its completion, or a text"

    @property
    def kind(self) -> Kind:
        """Say which of the three it is."""
        if self.turns:
            return "chat"
        return "text" if self.text is not None else "pair"


def encode(example: Example) -> str:
    """Return the example as one text, from which ``decode`` makes the same example."""
    if example.turns:
        return SEPARATOR.join(part for turn in example.turns for part in (turn.role[0], turn.content))
    if example.text is not None:
        return example.text
    return f"{example.prompt}{SEPARATOR}{example.completion}"


def decode(kind: Kind, encoded: str) -> Example:
    """Return the example that ``encode`` wrote."""
    if kind == "text":
        return Example(text=encoded)
    parts = encoded.split(SEPARATOR)
    if kind == "pair":
        return Example(prompt=parts[0], completion=parts[1])
    return Example(tuple(Turn(_ROLE_OF[role], said) for role, said in zip(parts[::2], parts[1::2], strict=True)))


def without_system(kind: Kind, encoded: str) -> str:
    """Return an encoded example without its system turn: what makes two conversations the same."""
    return encoded.split(SEPARATOR, 2)[2] if kind == "chat" and encoded.startswith("s" + SEPARATOR) else encoded


def with_system(encoded: str, system: str) -> str:
    """Return an encoded conversation with ``system`` as its system turn, in the place of its own; empty: with none."""
    rest = without_system("chat", encoded)
    return SEPARATOR.join(("s", system, rest)) if system else rest


def asked(kind: Kind, encoded: str) -> str:
    """Return what stands before the (last) answer, without the system turn; of a plain text, nothing."""
    if kind == "text":
        return ""
    return encoded.split(SEPARATOR, 1)[0] if kind == "pair" else without_system(kind, encoded).rpartition(SEPARATOR)[0]


class Examples(Sequence[Example]):
    """The examples of one split, all of one kind, in little memory; they become objects when they are asked for.

    Args:
        examples: all of one kind.
        ids: their names, as ``Rows.ids``.
    """

    def __init__(self, examples: Iterable[Example], ids: Sequence[str]) -> None:
        kinds: set[Kind] = set()

        def encoded() -> Iterator[str]:
            for example in examples:
                kinds.add(example.kind)
                yield encode(example)

        texts = Texts(encoded())
        assert len(kinds) <= 1, "the examples of a split are of one kind"
        assert len(texts) == len(ids), "each example has a name"
        self.kind: Kind = kinds.pop() if kinds else "text"
        self.rows = unlabelled(texts, ids)

    @classmethod
    def of_rows(cls, kind: Kind, rows: Rows) -> Examples:
        """Take rows whose texts are encoded examples."""
        made = cls((), ())
        made.kind, made.rows = kind, rows
        return made

    @property
    def ids(self) -> Sequence[str]:
        """Names of the rows, e.g. ``train:17``: row 17 of the file given as train."""
        return self.rows.ids

    @property
    def examples(self) -> Sequence[Example]:
        """The examples themselves."""
        return self

    def where(self, mask: NDArray[np.bool_]) -> Examples:
        """Return the examples where ``mask`` (N,) is true, in the same order."""
        return Examples.of_rows(self.kind, self.rows.where(mask))

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...

    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        texts = self.rows.texts[index]
        return decode(self.kind, texts) if isinstance(texts, str) else [decode(self.kind, text) for text in texts]

    def __iter__(self) -> Iterator[Example]:
        return (decode(self.kind, text) for text in self.rows.texts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Examples):
            return NotImplemented
        return list(self.ids) == list(other.ids) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as lists

    def __repr__(self) -> str:
        return f"Examples({len(self)} of kind {self.kind})"


def unlabelled(texts: Sequence[str], ids: Sequence[str], groups: Sequence[int] | None = None) -> Rows:
    """Return rows that all have the label 0, so that what draws, counts and compares rows serves examples too."""
    return Rows(texts, None, array("b", bytes(len(texts))), ids, groups)


@dataclass(frozen=True, slots=True)
class LmSplits:
    """A data set ready to be rendered and tokenised."""

    name: str
    format: str  # messages, conversations, alpaca, prompt_completion, text
    train: Examples
    val: Examples
    test: Examples  # the val examples where val is given and test is not; a note says so
    digest: str  # sha256 over the examples of all splits
    test_digest: str  # sha256 over the test examples
    duplicate_rows: int  # train examples that repeat an earlier one, character for character
    leaked_rows: int  # test examples that stood in train, counted before on_leak=drop took those out of train
    notes: list[str]  # sentences for the user

    def examples(self, split: str) -> Examples:
        """Return the examples of train, val or test."""
        assert split in ("train", "val", "test"), split
        return {"train": self.train, "val": self.val, "test": self.test}[split]
