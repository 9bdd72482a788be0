"""Overfitting: what is learned of train no longer holds for val."""

from __future__ import annotations

from statistics import fmean

from ftlab.diagnosis.curves import TRAIN, VAL, loss_error, unit
from ftlab.diagnosis.evidence import Evidence, Point
from ftlab.diagnosis.remedies import rate_times, typed
from ftlab.diagnosis.wording import num
from ftlab.results import Trouble

NAME = "overfitting"
# Of val/loss (of texts: of perplexity) above its lowest point; below it, the wobble of a training that has settled.
RISE = 0.10
STILL_BETTER = 0.02  # in the main metric after that point: the loss then rises from confidence alone


def look(evidence: Evidence) -> Trouble | None:
    """Find a val loss that has risen from its lowest point while the train loss went on falling."""
    val = evidence.curve(VAL)
    if not evidence.trained or len(val) < 2:
        return None
    lowest, last = min(val, key=lambda point: point.value), val[-1]
    rise = last.value - lowest.value
    if rise < max(RISE * unit(evidence, lowest.value), loss_error(evidence)) or _still_better(evidence, lowest):
        return None
    before, after = _train_around(evidence, lowest)
    if before is None or after is None or after >= before:
        return None
    said = (
        f"val/loss rose from {num(lowest.value)} (epoch {lowest.epoch + 1}) to {num(last.value)} (epoch "
        f"{last.epoch + 1}) while train/loss fell from {num(before)} to {num(after)}"
    )
    return Trouble(NAME, said, _remedy(evidence, lowest))


def _still_better(evidence: Evidence, lowest: Point) -> bool:
    """Tell whether the main metric went on rising after the lowest loss, by more than its noise.

    Where the loss has risen above that of the untrained model, it is no sign of learning: of noise too some labels are
    right that a model which gives one label to all rows has wrong.
    """
    unlearned = evidence.before("loss")
    if unlearned is not None and evidence.curve(VAL)[-1].value > unlearned:
        return False
    main = evidence.result.quality.main if evidence.result.quality else {}
    curve = evidence.curve(f"val/{main.get('name')}")
    then = [point.value for point in curve if point.step == lowest.step]
    later = [point.value for point in curve if point.step > lowest.step]
    if main.get("direction") != "max" or not then or not later:
        return False
    return max(later) - then[0] > max(STILL_BETTER, loss_error(evidence, main["name"]))


def _train_around(evidence: Evidence, lowest: Point) -> tuple[float | None, float | None]:
    """Return the mean train loss of the epoch of the lowest point, and of the last epoch."""
    train = evidence.curve(TRAIN)
    last = max((point.epoch for point in train), default=0)
    before = [point.value for point in train if point.epoch == lowest.epoch]
    after = [point.value for point in train if point.epoch == last]
    if last == lowest.epoch:  # validated within the epoch
        before = [point.value for point in train if point.step <= lowest.step][-3:]
        after = [point.value for point in train if point.step > lowest.step][-3:]
    return (fmean(before) if before else None), (fmean(after) if after else None)


def _remedy(evidence: Evidence, lowest: Point) -> str:
    """Return a training that ends where val was best; its learning rate then has decayed by there."""
    options, training = evidence.options, evidence.result.training
    if (options.max_steps or -1) >= 0 and (options.max_epochs or -1) < 0:
        return typed("trainer.max_steps", max(1, lowest.step))
    epochs = lowest.epoch + 1
    if epochs < (training.epochs or 0):
        return typed("trainer.max_epochs", epochs)
    return rate_times(options, 1 / 3)
