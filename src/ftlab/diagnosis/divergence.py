"""Divergence, and spikes: a training loss that leaves for good, or that leaves and comes back."""

from __future__ import annotations

import math
from statistics import median

from ftlab.diagnosis.curves import TRAIN, ends, noise, smoothed, train_points, values
from ftlab.diagnosis.evidence import Evidence
from ftlab.diagnosis.remedies import clipped, rate_times, together, typed
from ftlab.diagnosis.wording import num
from ftlab.results import Trouble

NAME, SPIKES = "divergence", "loss spikes"
FEWEST_POINTS = 8  # of train/loss
LOST = 0.5  # of what was learned at the best point of the training
NOISES = 4.0  # standard deviations of a point that a loss must have left by
SPIKE = 2.0  # times the median of the points before: a point is a mean over steps, so a single step was far higher
LONE_SPIKE = 4.0  # times: so high, one alone counts
OF_START = 0.5  # of the loss at the start by which a spike must rise: a wild hundredth of it harms nobody
_BEFORE = 5  # points a spike is held against


def look(evidence: Evidence) -> Trouble | None:
    """Find a loss that became no number, or ended far above where it had been."""
    if evidence.lost is not None:
        lost = evidence.lost
        known = lost.before is not None and math.isfinite(lost.before)
        before = f", after {num(lost.before)} the step before" if known and lost.before is not None else ""
        said = f"the training loss is {lost.loss} in epoch {lost.epoch + 1}, step {lost.step + 1}{before}"
        return Trouble(NAME, f"{said}{_at_rate(evidence)}", _remedy(evidence, 0.1))
    odd = [p for p in evidence.history if p.name == TRAIN and not math.isfinite(p.value)]
    if odd:
        said = f"train/loss is {odd[0].value} at step {odd[0].step:,}{_at_rate(evidence)}"
        return Trouble(NAME, said, _remedy(evidence, 0.1))
    return _risen(evidence)


def _risen(evidence: Evidence) -> Trouble | None:
    points = train_points(evidence)
    if not evidence.trained or len(points) < FEWEST_POINTS:
        return None
    numbers = values(points)
    curve = smoothed(numbers)
    lowest, (start, end) = min(curve), ends(numbers)
    learned = start - lowest
    if end - lowest < max(LOST * learned, NOISES * noise(numbers), 0.2 * start):
        return None
    step = points[curve.index(lowest) + 1].step
    said = f"train/loss had come down to {num(lowest)} by step {step:,} and ended at {num(end)}"
    return Trouble(NAME, f"{said}{_at_rate(evidence)}", _remedy(evidence, 1 / 3))


def look_for_spikes(evidence: Evidence) -> Trouble | None:
    """Find points far above those before them, after which the loss came back."""
    points = train_points(evidence)
    if not evidence.trained or len(points) < FEWEST_POINTS:
        return None
    numbers = values(points)
    least = max(NOISES * noise(numbers), OF_START * numbers[0])
    found = [
        (point, usual)
        for place, point in enumerate(points[2:-1], start=2)
        if point.value > max(SPIKE * (usual := median(numbers[max(0, place - _BEFORE) : place])), usual + least)
        and numbers[place + 1] < point.value
    ]
    worst, usual = max(found, key=lambda one: one[0].value / one[1] if one[1] else math.inf, default=(None, 1.0))
    if worst is None or (len(found) < 2 and worst.value < LONE_SPIKE * usual):
        return None
    times = "once" if len(found) == 1 else f"{len(found)} times"
    said = f"train/loss leapt up {times}, to {num(worst.value)} from about {num(usual)} at step {worst.step:,}"
    return Trouble(SPIKES, said, together(clipped(evidence.options) or rate_times(evidence.options, 1 / 3)))


def _at_rate(evidence: Evidence) -> str:
    rate = evidence.options.learning_rate
    return f", at optimizer.lr={rate:g}" if rate else ""


def _remedy(evidence: Evidence, factor: float) -> str:
    options = evidence.options
    wide = typed("trainer.precision", "32-true") if options.precision in ("16-true", "16-mixed", "16") else ""
    return together(rate_times(options, factor), clipped(options), wide)
