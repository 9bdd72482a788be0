"""What each number means: its unit, and which way is better. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ftlab.errors import ConfigError, did_you_mean

Direction = Literal["max", "min"]


@dataclass(frozen=True, slots=True)
class Measure:
    """Unit of a metric, and whether more (max) or less (min) of it is better; None: neither is."""

    unit: str
    direction: Direction | None


CLASSIFICATION: dict[str, Measure] = {
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
LANGUAGE_MODEL: dict[str, Measure] = {
    "loss": Measure("nats per supervised token", "min"),
    "perplexity": Measure("exp of the loss", "min"),
}
_WORDING: dict[str, Measure] = {  # how near a text is to its reference
    "bleu": Measure("share, corpus score", "max"),
    **{f"bleu_{n}": Measure(f"share of generated {n}-grams", "max") for n in (1, 2, 3, 4)},
    **{f"rouge{n}": Measure("F-measure, mean over rows", "max") for n in ("1", "2", "L", "Lsum")},
    "exact_match": Measure("share of rows", "max"),
}
GENERATION: dict[str, Measure] = {
    **_WORDING,
    "json_valid": Measure("share of rows", "max"),
    "schema_valid": Measure("share of rows", "max"),
    "generated_tokens_mean": Measure("tokens per row", None),
    "generated_words_mean": Measure("words per row", None),
    "reference_words_mean": Measure("words per row", None),
    "length_ratio": Measure("generated words per word of the references", None),
    "empty_share": Measure("share of rows", "min"),
    "cut_share": Measure("share of rows", "min"),
    **{f"{name}_teacher_forced": measure for name, measure in _WORDING.items()},
}
# In the order in which tables list them; the loss is the classifier's.
MEASURES: dict[str, Measure] = {**CLASSIFICATION, "perplexity": LANGUAGE_MODEL["perplexity"], **GENERATION}


def direction(metric_name: str, own: Mapping[str, object] | None = None) -> Direction:
    """Return ``max`` or ``min``: where the better values of a metric lie.

    Args:
        metric_name: ``f1_macro``, or with its split: ``val/f1_macro``.
        own: the user's metrics by name; each says it with ``higher_is_better``.

    Raises:
        ConfigError: no such metric, one of which neither more nor less is better, or an own metric that does not say.
    """
    name = metric_name.rsplit("/", 1)[-1]
    own = own or {}
    if name in MEASURES:
        found = MEASURES[name].direction
        if found is None:
            raise ConfigError(f"{metric_name} is better neither high nor low; choose another, such as perplexity")
        return found
    if name not in own:
        names = [*CLASSIFICATION, "perplexity", *own]  # what is measured on val; the others come at the end of a run
        hint = did_you_mean(name, [*names, *GENERATION]) or ";"
        raise ConfigError(f"{metric_name} is not a metric{hint} Metrics: {', '.join(names)}")
    higher = getattr(own[name], "higher_is_better", None)
    if not isinstance(higher, bool):
        raise ConfigError(
            f"metrics.{name} ({type(own[name]).__name__}) does not say which way is better; "
            "set higher_is_better = True or False in its class"
        )
    return "max" if higher else "min"
