"""Reading curves: how much a point wobbles, where a curve stood early and late, how much the rate allowed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median

from ftlab.diagnosis.evidence import Evidence, Options, Point

TRAIN, VAL = "train/loss", "val/loss"
_STEPS = 10  # trainer.log_every_n_steps, unless it is changed
_NORMAL = 1.4826  # standard deviations in a median absolute deviation, of normal noise


def values(points: Sequence[Point]) -> list[float]:
    """Return what the points are at."""
    return [point.value for point in points]


def train_points(evidence: Evidence) -> list[Point]:
    """Return the training loss in points of ten steps at least: a single hard batch is no event."""
    points = evidence.curve(TRAIN)
    if len(points) < 2:
        return points
    many = math.ceil(_STEPS / max(1.0, evidence.steps / len(points)))
    groups = [points[place : place + many] for place in range(0, len(points) - many + 1, many)]
    return [dataclasses.replace(group[-1], value=fmean(values(group))) for group in groups]


def noise(numbers: Sequence[float]) -> float:
    """Return the standard deviation of a point around its curve, from the steps between neighbours; 0 below three."""
    steps = [abs(after - before) for before, after in pairwise(numbers)]
    return _NORMAL * median(steps) / math.sqrt(2) if len(steps) > 1 else 0.0


def smoothed(numbers: Sequence[float]) -> list[float]:
    """Return the median of each three neighbours: a single wild point leaves no trace."""
    inner = [median(numbers[place - 1 : place + 2]) for place in range(1, len(numbers) - 1)]
    return inner or list(numbers)


def ends(numbers: Sequence[float]) -> tuple[float, float]:
    """Return the means of the first and of the last quarter."""
    part = max(1, len(numbers) // 4)
    return fmean(numbers[:part]), fmean(numbers[-part:])


def thirds(points: Sequence[Point], evidence: Evidence) -> tuple[float, float, float] | None:
    """Return the mean of a curve over each third of what the learning rate allowed; None: one holds too few points.

    The rate decays, so the last third of the steps can move the weights least; in thirds of the sum of all rates a
    curve that falls in a line is one that has not begun to settle.
    """
    progress = [allowed(point.step, evidence) for point in points]
    parts: list[list[float]] = [[], [], []]
    for point, share in zip(points, progress, strict=True):
        parts[min(2, int(3 * share))].append(point.value)
    if min(len(part) for part in parts) < 3:
        return None
    return fmean(parts[0]), fmean(parts[1]), fmean(parts[2])


def allowed(step: int, evidence: Evidence) -> float:
    """Return the share, in [0, 1], of the sum of all learning rates that was used up by ``step``."""
    steps = max(1, evidence.steps)
    warmup = _warmup(evidence.options, steps)
    total = _area(1.0, warmup, evidence.options.scheduler)
    return min(1.0, _area(min(1.0, step / steps), warmup, evidence.options.scheduler) / total)


def _warmup(options: Options, steps: int) -> float:
    warmup = options.warmup or 0.0
    return min(0.99, warmup if warmup < 1 else warmup / steps)


def _area(share: float, warmup: float, scheduler: str | None) -> float:
    """Return the sum of rates up to a share of the steps, the peak being 1; schedules we do not know count as flat."""
    if share <= warmup:
        return share**2 / (2 * warmup) if warmup else 0.0
    rest, span = (share - warmup) / (1 - warmup), 1 - warmup
    if scheduler and "linear" in scheduler:
        area = rest - rest**2 / 2
    elif scheduler and "cosine" in scheduler:
        area = rest / 2 + math.sin(math.pi * rest) / (2 * math.pi)
    else:
        area = rest
    return warmup / 2 + span * area


def unit(evidence: Evidence, loss: float) -> float:
    """Return what a share of a loss is a share of: the loss itself; of texts a nat (0.05: 5% of perplexity)."""
    return 1.0 if evidence.writes else loss


def loss_error(evidence: Evidence, metric: str = "loss") -> float:
    """Return the standard error of a metric on val, from its interval on test; 0: not known."""
    found, data = evidence.interval(metric), evidence.result.dataset
    if found is None or data is None or not data.val_rows or not data.test_rows:
        return 0.0
    return (found[1] - found[0]) / (2 * 1.96) * math.sqrt(data.test_rows / data.val_rows)
