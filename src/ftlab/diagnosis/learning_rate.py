"""A learning rate that is too low to move the weights, or so high that nothing can be learned."""

from __future__ import annotations

import math

from ftlab.diagnosis.collapse import favourite
from ftlab.diagnosis.curves import TRAIN, VAL, ends, noise, thirds, unit, values
from ftlab.diagnosis.evidence import Evidence
from ftlab.diagnosis.remedies import clipped, rate_times, together
from ftlab.diagnosis.wording import num, told
from ftlab.results import Trouble

LOW, HIGH = "learning rate too low", "learning rate too high"
FEWEST_POINTS = 4  # of train/loss: the first quarter and the last are then points of their own
HARDLY = 0.02  # of a loss (of texts: of perplexity): less is not learning
CONFIDENCE = 0.02  # by which the mean confidence moves when the weights do
SETTLING = 0.6  # of the fall in the middle third of the training, still left in its last: nothing has settled
LITTLE = 0.15  # of the loss at the start, learned in all
STUCK = 0.97  # of the loss of always giving each label its share of the rows
WILD = 1.15  # times that loss, at any point: the weights were thrown about
FAR = 3.0  # times the rate that the adapter comes with, or a third of it


def look_low(evidence: Evidence) -> Trouble | None:
    """Find a model that is what it was before, or a loss that fell slowly and in a line to the end."""
    points = evidence.curve(TRAIN)
    if not evidence.trained or len(points) < FEWEST_POINTS or not evidence.options.learning_rate:
        return None
    start, end = ends(values(points))
    if _unmoved(evidence) and abs(start - end) < HARDLY * unit(evidence, start):
        before, after = evidence.before("loss"), evidence.after("loss")
        assert before is not None and after is not None, "compared"
        (now, then), (first, last) = told(after, before), told(start, end)
        said = f"after {evidence.steps:,} steps the test loss is {now}, and {then} before training"
        return Trouble(LOW, f"{said}; train/loss went from {first} to {last}", rate_times(evidence.options, 10))
    if _stuck(evidence) and not _thrown(evidence) and _from_usual(evidence) < 1 / FAR:
        said = f"train/loss ended at {num(end)}, no better than giving each label its share of the rows"
        return Trouble(LOW, f"{said}{_usual(evidence)}", rate_times(evidence.options, 10))
    return _in_a_line(evidence)


def _in_a_line(evidence: Evidence) -> Trouble | None:
    points = evidence.curve(TRAIN)
    parts = thirds(points, evidence)
    if parts is None:
        return None
    first, middle, last = parts
    val = values(evidence.curve(VAL))
    fell, wobble = first - last, noise(values(points))
    steady = middle - last >= SETTLING * (first - middle) > 0 and fell > max(HARDLY * unit(evidence, first), wobble)
    if not steady or fell > LITTLE * unit(evidence, first) or (val and val[-1] > min(val)):
        return None
    said = (
        f"train/loss fell slowly and evenly, from {num(first)} over {num(middle)} to {num(last)}, and had not begun to "
        f"settle after {evidence.steps:,} steps"
    )
    return Trouble(LOW, said, rate_times(evidence.options, 3))


def look_high(evidence: Evidence) -> Trouble | None:
    """Find a training that moved the weights and made the model no better than a guess, or worse than it was."""
    points = evidence.curve(TRAIN)
    if not evidence.trained or len(points) < FEWEST_POINTS or not evidence.options.learning_rate:
        return None
    start, end = ends(values(points))
    remedy = together(rate_times(evidence.options, 1 / 10), clipped(evidence.options))
    if _stuck(evidence) and (_thrown(evidence) or _from_usual(evidence) > FAR):
        said = (
            f"train/loss ended at {num(end)}, no better than giving each label its share of the rows{_alike(evidence)}"
        )
        return Trouble(HIGH, f"{said}{_usual(evidence)}", remedy)
    before, after = evidence.before("loss"), evidence.after("loss")
    if before is None or after is None or end < start - HARDLY * unit(evidence, start):
        return None
    spread = evidence.interval("loss")
    if after < before + HARDLY * unit(evidence, before) or (spread is not None and spread[0] < before):
        return None
    (now, then), (first, last) = told(after, before), told(start, end)
    said = f"training made the model worse: the test loss is {now}, and {then} before; train/loss went from"
    return Trouble(HIGH, f"{said} {first} to {last}{_usual(evidence)}", remedy)


def _unmoved(evidence: Evidence) -> bool:
    """Tell whether the test split is answered as before training."""
    before, after = evidence.before("loss"), evidence.after("loss")
    if before is None or after is None or abs(after - before) >= HARDLY / 2 * unit(evidence, before):
        return False
    sure = evidence.before("mean_confidence"), evidence.after("mean_confidence")
    return sure[0] is None or sure[1] is None or abs(sure[1] - sure[0]) < CONFIDENCE


def _guessing(evidence: Evidence) -> float | None:
    """Return the training loss of giving each label its share of the rows; None: there are no labels."""
    counts = evidence.counts
    if counts is None or counts.train is None or len(counts.labels) < 2:
        return None
    if evidence.options.class_weights or evidence.options.label_smoothing:
        return math.log(len(counts.labels))
    rows = sum(counts.train)
    return -sum(n / rows * math.log(n / rows) for n in counts.train if n)


def _stuck(evidence: Evidence) -> bool:
    """Tell whether the training loss ended at that of guessing."""
    guess = _guessing(evidence)
    return guess is not None and ends(values(evidence.curve(TRAIN)))[1] >= STUCK * guess and not _unmoved(evidence)


def _thrown(evidence: Evidence) -> bool:
    """Tell whether the loss was once far above both guessing and the untrained model."""
    guess, before = _guessing(evidence), evidence.before("loss")
    return guess is not None and max(values(evidence.curve(TRAIN))) > WILD * max(guess, before or 0.0)


def _from_usual(evidence: Evidence) -> float:
    """Return the rate in units of what the adapter comes with; 1: not known, or just that."""
    rate, usual = evidence.options.learning_rate, evidence.options.usual_rate
    return rate / usual if rate and usual else 1.0


def _usual(evidence: Evidence) -> str:
    rate, usual = evidence.options.learning_rate, evidence.options.usual_rate
    if not rate:
        return ""
    beside = f" (this adapter comes with {usual:g})" if usual and usual != rate else ""
    return f", at optimizer.lr={rate:g}{beside}"


def _alike(evidence: Evidence) -> str:
    found = favourite(evidence.counts) if evidence.counts and evidence.tested else None
    return f", and {found[1]:,} of {evidence.test_rows:,} test rows are called {found[0]}" if found else ""
