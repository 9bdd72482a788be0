"""What each number means: its unit, and which way is better. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ftlab.errors import ConfigError, did_you_mean

Direction = Literal["max", "min"]


@dataclass(frozen=True, slots=True)
class Measure:
    """Unit of a metric, and whether more (max) or less (min) of it is better."""

    unit: str
    direction: Direction


MEASURES: dict[str, Measure] = {
    "accuracy": Measure("share of rows", "max"),
    "balanced_accuracy": Measure("mean recall over the labels that occur", "max"),
    "f1_macro": Measure("mean over labels", "max"),
    "f1_weighted": Measure("mean over labels, by rows", "max"),
    "precision_macro": Measure("mean over labels", "max"),
    "recall_macro": Measure("mean over labels", "max"),
    "auroc": Measure("mean over labels, one against the rest", "max"),
    "brier": Measure("half the squared distance of probabilities", "min"),
    "ece": Measure("probability", "min"),
    "mean_confidence": Measure("probability", "max"),
    "loss": Measure("nats per row", "min"),
}


def direction(metric_name: str, own: Mapping[str, object] | None = None) -> Direction:
    """Return ``max`` or ``min``: where the better values of a metric lie.

    Args:
        metric_name: ``f1_macro``, or with its split: ``val/f1_macro``.
        own: the user's metrics by name; each says it with ``higher_is_better``.

    Raises:
        ConfigError: no such metric, or an own metric that does not say.
    """
    name = metric_name.rsplit("/", 1)[-1]
    if name in MEASURES:
        return MEASURES[name].direction
    own = own or {}
    if name not in own:
        names = [*MEASURES, *own]
        hint = did_you_mean(name, names) or ";"
        raise ConfigError(f"{metric_name} is not a metric{hint} Metrics: {', '.join(names)}")
    higher = getattr(own[name], "higher_is_better", None)
    if not isinstance(higher, bool):
        raise ConfigError(
            f"metrics.{name} ({type(own[name]).__name__}) does not say which way is better; "
            "set higher_is_better = True or False in its class"
        )
    return "max" if higher else "min"
