"""What ``predict`` adds to a row: a label and its probabilities, or a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ftlab.generator import TorchGenerator
    from ftlab.predictor import TorchPredictor

Row = list[Any]


class Answering(Protocol):
    """A model that answers texts with the values of the columns that are added."""

    batch_tokens: int  # found to fit, where the size of a batch is left open

    def rows(self, texts: Sequence[Any]) -> list[Row]:
        """Return the values of each text, one per added column."""

    def kind(self, row: Row) -> str:
        """Return under what a row is counted."""


class Labelling:
    """Answers with the label and the probability of each."""

    def __init__(self, predictor: TorchPredictor, batch_size: int | None) -> None:
        self._predictor, self._batch_size = predictor, batch_size

    @staticmethod
    def columns(prefix: str, labels: Sequence[str]) -> dict[str, type]:
        """Return the added columns with their types."""
        return {f"{prefix}prediction": str, **{f"{prefix}p_{label}": float for label in labels}}

    @property
    def batch_tokens(self) -> int:
        """Tokens of a batch."""
        return self._predictor.batch_tokens

    @batch_tokens.setter
    def batch_tokens(self, tokens: int) -> None:
        self._predictor.batch_tokens = tokens

    def rows(self, texts: Sequence[Any]) -> list[Row]:
        """Return label and probabilities."""
        import numpy as np  # late, as torch

        logits = self._predictor.score(texts, self._batch_size)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True)) if len(texts) else logits
        shares = (odds / odds.sum(axis=1, keepdims=True)).tolist()
        best = logits.argmax(axis=1).tolist()
        # Six digits: what lies behind them is rounding of the network.
        return [
            [self._predictor.labels[one], *(float(f"{share:.6g}") for share in row)]
            for one, row in zip(best, shares, strict=True)
        ]

    def kind(self, row: Row) -> str:
        """Return the label."""
        return str(row[0])


class Writing:
    """Answers with a text, and with what ended it: ``stop``, or ``length`` where generation.max_new_tokens did."""

    def __init__(self, generator: TorchGenerator, *, plain: bool) -> None:
        self._generator, self._plain = generator, plain

    @staticmethod
    def columns(prefix: str) -> dict[str, type]:
        """Return the added columns with their types."""
        return {f"{prefix}prediction": str, f"{prefix}finish_reason": str}

    @property
    def batch_tokens(self) -> int:
        """Tokens of a batch."""
        return self._generator.batch_tokens

    @batch_tokens.setter
    def batch_tokens(self, tokens: int) -> None:
        self._generator.batch_tokens = tokens

    def rows(self, texts: Sequence[Any]) -> list[Row]:
        """Return the text and what ended it."""
        answers = self._generator.generate([self._generator.text_prompt(str(text), raw=self._plain) for text in texts])
        return [[answer.text, "length" if answer.stopped == "length" else "stop"] for answer in answers]

    def kind(self, row: Row) -> str:
        """Return what ended the answer."""
        return f"ended by {row[1]}"
