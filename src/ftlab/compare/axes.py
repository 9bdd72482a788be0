"""What runs can be ranked by: every metric of the test rows that has a direction, time, money, energy and size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ftlab.compare.types import Axis
from ftlab.errors import ConfigError, did_you_mean
from ftlab.metrics.measures import MEASURES
from ftlab.results import LatencyRow, RunResult

_NATS = ("loss",)
_OTHERS = (
    Axis("p50_ms", "min", "ms", "p50", "latency"),
    Axis("p95_ms", "min", "ms", "p95", "latency"),
    Axis("ttft_ms", "min", "ms", "first token", "latency"),
    Axis("inter_token_ms", "min", "ms", "next token", "latency"),
    Axis("throughput", "max", "texts/s", "throughput", "latency"),
    Axis("tokens_per_second", "max", "tokens/s", "tokens per second", "latency"),
    Axis("usd_per_1k", "min", "$", "$ per 1k requests", "cost"),
    Axis("usd_per_1m_tokens", "min", "$", "$ per 1M tokens", "cost"),
    Axis("wh_per_1k", "min", "Wh", "Wh per 1k requests", "cost"),
    Axis("usd_training", "min", "$", "$ of training", "training"),
    Axis("wh_training", "min", "Wh", "Wh of training", "training"),
    Axis("training_seconds", "min", "s", "training time", "training"),
    Axis("peak_memory_mb", "min", "MB", "peak memory in training", "training"),
    Axis("trainable_percent", "min", "%", "trained parameters", "training"),
    Axis("size_mb", "min", "MB", "size of the model folder", "size"),
)
AXES: dict[str, Axis] = {
    **{
        name: Axis(name, measure.direction, "nats" if name in _NATS else "", name, "quality")
        for name, measure in MEASURES.items()
        if measure.direction is not None
    },
    **{axis.name: axis for axis in _OTHERS},
}
# What people type for them, in small letters.
ALIASES = {
    "acc": "accuracy",
    "f1": "f1_macro",
    "precision": "precision_macro",
    "recall": "recall_macro",
    "auc": "auroc",
    "roc_auc": "auroc",
    "rouge": "rougeL",
    "ppl": "perplexity",
    **dict.fromkeys(("latency", "latency_ms", "p95", "p95_latency"), "p95_ms"),
    **dict.fromkeys(("p50", "median", "median_ms"), "p50_ms"),
    **dict.fromkeys(("ttft", "first_token"), "ttft_ms"),
    **dict.fromkeys(("inter_token", "itl"), "inter_token_ms"),
    **dict.fromkeys(("throughput_per_second", "texts_per_second"), "throughput"),
    **dict.fromkeys(("cost", "price", "usd", "money", "usd_per_1k_requests"), "usd_per_1k"),
    **dict.fromkeys(("usd_per_1m", "usd_tokens"), "usd_per_1m_tokens"),
    **dict.fromkeys(("training_usd", "training_cost"), "usd_training"),
    **dict.fromkeys(("energy", "wh", "wh_per_1k_requests"), "wh_per_1k"),
    "training_wh": "wh_training",
    **dict.fromkeys(("training_time", "seconds"), "training_seconds"),
    **dict.fromkeys(("size", "mb"), "size_mb"),
    **dict.fromkeys(("memory", "peak_memory"), "peak_memory_mb"),
    **dict.fromkeys(("trainable", "parameters"), "trainable_percent"),
}
DEFAULT = ("p95_ms", "usd_per_1k")  # of the front, behind the main metric


def known_axes(own: Mapping[str, str] | None = None) -> dict[str, Axis]:
    """Return every axis by name, the metrics first; ``own``: user's metrics with where their better values lie."""
    mine = {name: Axis(name, way, "", name, "quality") for name, way in (own or {}).items() if name not in AXES}
    return {**mine, **AXES}


def find_axis(name: str, own: Mapping[str, str] | None = None, key: str = "axes") -> Axis:
    """Return the axis a user means by ``name``: its own, with its split (``test/accuracy``), or one of ``ALIASES``.

    Args:
        name: as typed; capitals do not count.
        own: the user's metrics, as in ``known_axes``.
        key: the configuration key it stands in, for the sentence.

    Raises:
        ConfigError: there is no such axis, or neither more nor less of it is better.
    """
    axes = known_axes(own)
    plain = name.strip().removeprefix("test/")
    folded = {known.casefold(): known for known in axes}
    found = folded.get(plain.casefold()) or ALIASES.get(plain.casefold())
    if found is not None:
        return axes[found]
    if plain in MEASURES:
        raise ConfigError(f"{key} has {name}, which is better neither high nor low; choose another, such as rougeL")
    hint = did_you_mean(plain, [*axes, *ALIASES]) or ";"
    raise ConfigError(f"{key} has {name}, which is nothing to rank by{hint} known: {', '.join(axes)}")


def find_axes(names: Sequence[str], own: Mapping[str, str] | None = None, key: str = "axes") -> tuple[Axis, ...]:
    """Return the axes of ``names`` in their order, each once.

    Raises:
        ConfigError: one sentence per name that is none.
    """
    found: dict[str, Axis] = {}
    faults: list[str] = []
    for name in names:
        try:
            axis = find_axis(name, own, key)
        except ConfigError as error:
            faults += error.sentences
        else:
            found.setdefault(axis.name, axis)
    if faults:
        raise ConfigError(*faults)
    return tuple(found.values())


def shipped(result: RunResult, batch_size: int = 1) -> LatencyRow | None:
    """Return the latency row of ``batch_size`` in the form that ships, which stands last; None: not timed."""
    return next((row for row in reversed(result.latency) if row.batch_size == batch_size), None)


def axis_values(result: RunResult, *, ranks_latency: bool = True) -> dict[str, float | None]:
    """Return what a finished run measured on every axis, and on every metric of its own; None: unknown.

    Times are those of one text, throughput that of the batch size the price rests on. A run that trained nothing
    (``adapter=none``) has spent nothing on training, which is known.

    Args:
        result: of the run.
        ranks_latency: False where its tokenizer is not the model's own: neither its times nor what a request then
            costs are those of the model. A short protocol is not ranked for latency either, whatever is said here.
    """
    test = result.quality.test if result.quality else {}
    values: dict[str, float | None] = {name: number(v) for name, v in test.items() if not isinstance(v, Mapping)}
    return {**dict.fromkeys(AXES), **values, **_speed(result, ranks_latency), **_spent(result, ranks_latency)}


def _speed(result: RunResult, ranked: bool) -> dict[str, float | None]:
    one = shipped(result) if ranked else None
    many = shipped(result, result.cost.batch_size) if ranked and result.cost else one
    one = one if one is not None and one.protocol == "full" else None
    many = many if many is not None and many.protocol == "full" else None
    return {
        "p50_ms": number(one.p50_ms) if one else None,
        "p95_ms": number(one.p95_ms) if one else None,
        "ttft_ms": number(one.ttft_ms) if one else None,
        "inter_token_ms": number(one.inter_token_ms) if one else None,
        "throughput": number(many.throughput_per_second) if many else None,
        "tokens_per_second": number(many.tokens_per_second) if many else None,
    }


def _spent(result: RunResult, ranked: bool) -> dict[str, float | None]:
    cost, energy, training, model = result.cost, result.energy, result.training, result.model
    artefact = result.artefact
    nothing = 0.0 if result.run.verb == "train" and result.adapter.get("name") == "none" else None
    return {
        "usd_per_1k": number(cost.usd_per_1k_requests) if cost and ranked else None,
        "usd_per_1m_tokens": number(cost.usd_per_1m_tokens) if cost and ranked else None,
        "wh_per_1k": number(energy.wh_per_1k_requests) if ranked else None,
        "usd_training": _or(number(cost.training_usd) if cost else None, nothing),
        "wh_training": _or(number(energy.training_wh), nothing),
        "training_seconds": _or(number(training.seconds), nothing),
        "peak_memory_mb": number(training.peak_memory_mb),
        "trainable_percent": number(model.trainable_percent) if model else None,
        "size_mb": _or(number(artefact.size_mb) if artefact else None, number(model.size_mb) if model else None),
    }


def number(value: object) -> float | None:
    """Return a finite number as it is; None for anything else, NaN and infinity among them."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def worth(value: float | None, axis: Axis) -> tuple[bool, float]:
    """Return what sorts the better value on ``axis`` first, and an unknown one last."""
    return value is None, 0.0 if value is None else (-value if axis.direction == "max" else value)


def _or(value: float | None, other: float | None) -> float | None:
    return other if value is None else value
