"""Overrides as they are typed, with the run's own numbers."""

from __future__ import annotations

import math

from ftlab.diagnosis.evidence import Evidence, Options


def typed(key: str, value: float | str | None) -> str:
    """Return ``key=value`` as the command line takes it."""
    return f"{key}={'null' if value is None else f'{value:g}' if isinstance(value, float) else value}"


def together(*overrides: str) -> str:
    """Return those that are not empty, to be typed in one line."""
    return " ".join(override for override in overrides if override)


def rate_times(options: Options, factor: float) -> str:
    """Return the learning rate times ``factor``, two digits of it; empty where the optimizer has none."""
    rate = options.learning_rate
    return typed("optimizer.lr", float(f"{rate * factor:.2g}")) if rate else ""


def clipped(options: Options) -> str:
    """Return gradient clipping where there is none; empty where gradients are clipped already."""
    return "" if options.clip else typed("trainer.gradient_clip_val", 1.0)


def longer(evidence: Evidence, factor: int = 2) -> str:
    """Return ``factor`` times the length of the training: epochs, and steps where these end it."""
    options, training = evidence.options, evidence.result.training
    epochs, steps = options.max_epochs or -1, options.max_steps or -1
    done = training.epochs or 0.0
    by_steps = steps >= 0 and (epochs < 0 or done < epochs - 0.01)
    if not by_steps:
        return typed("trainer.max_epochs", factor * epochs) if epochs > 0 else ""
    room = epochs < 0 or factor * done <= epochs
    more = "" if room else typed("trainer.max_epochs", math.ceil(factor * done))
    return together(typed("trainer.max_steps", factor * steps), more)
