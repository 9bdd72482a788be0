"""All rules in one table: what is looked for, and which trouble is only the shadow of another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ftlab.diagnosis import (
    calibration,
    collapse,
    divergence,
    few_test_rows,
    input_bound,
    learning_rate,
    lengths,
    overfitting,
    repeats,
    under_training,
)
from ftlab.diagnosis.evidence import Evidence
from ftlab.results import Trouble


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of trouble."""

    name: str
    look: Callable[[Evidence], Trouble | None]
    hides: tuple[str, ...] = ()  # what follows from it, and is not said beside it


# The gravest first. A training that went wrong explains what it left behind.
_LEFT_BEHIND = (collapse.NAME, under_training.NAME, calibration.NAME, divergence.SPIKES)
RULES = (
    Rule(
        divergence.NAME,
        divergence.look,
        hides=(*_LEFT_BEHIND, learning_rate.HIGH, learning_rate.LOW, overfitting.NAME),
    ),
    Rule(learning_rate.HIGH, learning_rate.look_high, hides=(*_LEFT_BEHIND, overfitting.NAME)),
    Rule(learning_rate.LOW, learning_rate.look_low, hides=_LEFT_BEHIND),
    Rule(divergence.SPIKES, divergence.look_for_spikes),
    Rule(repeats.LEAK, repeats.look_for_leaks),
    Rule(collapse.NAME, collapse.look),
    Rule(overfitting.NAME, overfitting.look),
    Rule(under_training.NAME, under_training.look),
    Rule(lengths.TRUNCATION, lengths.look_at_cuts),
    Rule(calibration.NAME, calibration.look),
    Rule(few_test_rows.NAME, few_test_rows.look),
    Rule(repeats.DUPLICATES, repeats.look_for_duplicates),
    Rule(input_bound.NAME, input_bound.look),
    Rule(lengths.PADDING, lengths.look_at_padding),
)


def diagnose(evidence: Evidence) -> list[Trouble]:
    """Return the trouble seen in a run, the gravest first; empty: none."""
    found = {rule.name: trouble for rule in RULES if (trouble := rule.look(evidence)) is not None}
    hidden = {name for rule in RULES if rule.name in found for name in rule.hides}
    return [trouble for name, trouble in found.items() if name not in hidden]
