"""Under-training: the end came while the model was still learning."""

from __future__ import annotations

from statistics import fmean

from ftlab.diagnosis.curves import TRAIN, VAL, loss_error, noise, unit, values
from ftlab.diagnosis.evidence import Evidence
from ftlab.diagnosis.remedies import longer
from ftlab.diagnosis.wording import num, share
from ftlab.results import Trouble

NAME = "under-training"
# Of val/loss (of texts: of perplexity), from the last validation but one to the last, though the rate has decayed.
STILL_FALLING = 0.05
TRAIN_FALLING = 0.10  # of train/loss from its middle third to its last, where there is one validation only
FEWEST_POINTS = 9  # of train/loss, three in each third


def look(evidence: Evidence) -> Trouble | None:
    """Find a loss that was still falling at the end."""
    if not evidence.trained:
        return None
    said = _by_val(evidence) if len(evidence.curve(VAL)) > 1 else _by_train(evidence)
    return Trouble(NAME, said, longer(evidence)) if said else None


def _by_val(evidence: Evidence) -> str:
    val = evidence.curve(VAL)
    before, last = val[-2], val[-1]
    gain = before.value - last.value
    if (
        gain <= 0
        or last.value > min(values(val))
        or gain < max(STILL_FALLING * unit(evidence, before.value), loss_error(evidence) / 2)
    ):
        return ""
    return (
        f"val/loss still fell by {_told(evidence, gain, before.value)} before the end, from {num(before.value)} (step "
        f"{before.step:,}) to {num(last.value)} (step {last.step:,})"
    )


def _by_train(evidence: Evidence) -> str:
    numbers = values(evidence.curve(TRAIN))
    if len(numbers) < FEWEST_POINTS:
        return ""
    third = len(numbers) // 3
    middle, last = fmean(numbers[third : 2 * third]), fmean(numbers[-third:])
    if middle <= last or middle - last < max(TRAIN_FALLING * unit(evidence, middle), 2 * noise(numbers)):
        return ""
    return (
        f"train/loss still fell by {_told(evidence, middle - last, middle)}, from {num(middle)} in the middle third of "
        f"the {evidence.steps:,} steps to {num(last)} in the last"
    )


def _told(evidence: Evidence, gain: float, of: float) -> str:
    """Return the fall as a share of the loss; of texts in nats."""
    return f"{num(gain)} nats" if evidence.writes else share(gain / of)
