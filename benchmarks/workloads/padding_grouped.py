"""Ours against Hugging Face's Trainer where both group rows by length."""

from __future__ import annotations

from benchmarks import grouping, runner

NAME = "padding_grouped"
WHAT = (
    "As `padding`, against the same Trainer with train_sampling_strategy=group_by_length; then both on the very same "
    "batches with dropout 0, where every loss must be equal within 1e-5."
)


def measure(quick: bool) -> list[runner.Line]:
    """Return ours over the Trainer's own grouping, and on equal batches."""
    grouping.ready()
    pairs = 3 if quick else 8
    # Both sides compute nearly the same, and a block's rows are drawn: it takes more pairs to
    # tell them apart, within one epoch, whose last batch is a short one.
    grouped = pairs if quick else 23
    rival = grouping.Rival("Trainer grouping", "group_by_length", wanted=">= 1", steps=2 if quick else 8)
    return [grouping.compared(NAME, (), rival, grouped), grouping.same_batches(NAME, (), pairs, 1 if quick else 4)]
