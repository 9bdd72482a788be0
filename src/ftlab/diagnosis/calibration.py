"""Miscalibration: probabilities that do not say how often the model is right."""

from __future__ import annotations

import math

from ftlab.diagnosis.curves import VAL, values
from ftlab.diagnosis.evidence import Evidence
from ftlab.diagnosis.remedies import longer, typed
from ftlab.diagnosis.wording import num
from ftlab.results import Trouble

NAME = "miscalibration"
FEWEST_ROWS = 100
OFF = 0.05  # beyond what chance alone makes of the error: a confidence of 0.90 then stands for 0.85
FAR = 1.25  # times the lowest val/loss, at which weights were kept for another metric
BINS = 15  # of the error, as in metrics.calibration


def look(evidence: Evidence) -> Trouble | None:
    """Find an expected calibration error above what chance makes of it."""
    ece, ends = evidence.after("ece"), evidence.interval("ece")
    sure, right = evidence.after("mean_confidence"), evidence.after("accuracy")
    if ece is None or ends is None or sure is None or right is None:
        return None
    if not evidence.tested or evidence.test_rows < FEWEST_ROWS:
        return None
    chance = chance_error(evidence.test_rows)
    if ece - chance < OFF or ends[0] < chance:
        return None
    said = (
        f"ece is {num(ece)} (95% interval {num(ends[0])} to {num(ends[1])}): mean confidence {num(sure)}, accuracy "
        f"{num(right)}"
    )
    return Trouble(NAME, said, _remedy(evidence, over=sure > right))


def chance_error(rows: int) -> float:
    """Return the error that a perfectly calibrated model shows on so few rows, at most.

    Each bin's share of right rows strays by sqrt(2 / pi) standard errors on average; with even bins and a fair coin in
    each, the largest sum is sqrt(2 / pi) / 2 x sqrt(bins / rows).
    """
    return math.sqrt(2 / math.pi) / 2 * math.sqrt(BINS / rows)


def _kept_too_soon(evidence: Evidence) -> bool:
    """Tell whether the weights that were kept, the best by the main metric, are far from the best by their loss."""
    losses = values(evidence.curve(VAL))
    kept = evidence.result.quality.val.get("loss") if evidence.result.quality else None
    return bool(losses) and isinstance(kept, float) and kept > FAR * min(losses)


def _remedy(evidence: Evidence, *, over: bool) -> str:
    options = evidence.options
    if _kept_too_soon(evidence):
        return typed("monitor", "val/loss")
    if evidence.asked:
        return typed("prompt.calibration", "contextual") if options.calibration == "none" else ""
    if over:
        return "" if options.label_smoothing else typed("model.label_smoothing", 0.1)
    return typed("model.label_smoothing", 0.0) if options.label_smoothing else longer(evidence)
