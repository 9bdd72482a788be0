"""What a plan says of the textbook's model of 10 billion parameters: what its usual numbers are made of."""

from __future__ import annotations

from collections.abc import Sequence

from ftlab.planning.textbook import ARCHITECTURE, QUOTED, Filled, TextbookRow, textbook_rows
from ftlab.planning.types import BuildAdapter, Node
from ftlab.report import wording
from ftlab.schema import TrainConfig


def textbook_notes(settings: TrainConfig, build: BuildAdapter, adapters: dict[str, Node]) -> tuple[str, ...]:
    """Return the sentences on one training; none unless it is of that model, with an adapter that is usually quoted.

    Args:
        settings: of the training.
        build: puts an adapter on.
        adapters: nodes of those that are quoted, as their files have them.
    """
    if settings.adapter.get("name") not in QUOTED or dict(settings.model.architecture) != ARCHITECTURE:
        return ()
    (row,) = (row for row in textbook_rows(build, adapters) if row.adapter == settings.adapter["name"])
    return _said(row)


def _said(row: TextbookRow) -> tuple[str, ...]:
    static = f"the textbook's {row.quoted_gb:.0f} GB for adapter={row.adapter}: "
    if not row.filled:
        return (
            f"{static}fp16 weights and gradients and fp32 AdamW state, {wording.number(row.static_gb, 'GB')} whatever "
            "the batch, activations come on top",
        )
    return (
        f"{static}{wording.number(row.static_gb, 'GB')} are there whatever the batch, weights in half precision; "
        f"activations reach {row.quoted_gb:.0f} GB at a batch of {_batches(row.filled)} tokens, with gradient "
        f"checkpointing of {_batches(row.filled_recomputed)} tokens",
    )


def _batches(filled: Sequence[Filled]) -> str:
    """Return rows x tokens of a row, as many whole rows as fit."""
    whole = [each for each in filled if each.rows >= 1]
    return ", ".join(f"{int(each.rows)} x {each.length:,}" for each in whole) or f"less than 1 x {filled[0].length:,}"
