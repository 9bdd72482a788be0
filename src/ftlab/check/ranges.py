"""Which numbers and words each key may hold; those of a data set stand in ``datasets.options``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftlab.check.components import typed
from ftlab.errors import closest

Plain = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from ``low`` to ``high``; ``ends`` as mathematicians write them: ``[]``, ``(]``, ``[)``, ``()``."""

    low: float
    high: float = math.inf
    ends: str = "[]"

    def holds(self, value: float) -> bool:
        """Return whether ``value`` is inside; NaN never is."""
        above = value > self.low or (value == self.low and self.ends[0] == "[")
        below = value < self.high or (value == self.high and self.ends[1] == "]")
        return above and below

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"at least {self.low:g}" if self.ends[0] == "[" else f"above {self.low:g}"
        return f"in {self.ends[0]}{self.low:.10g}, {self.high:.10g}{self.ends[1]}"


_COUNT, _NONE_OR_MORE, _SHARE = Range(1), Range(0), Range(0, 1, "[)")
_SEED = Range(0, 2**32 - 1)  # what numpy's generator takes

RANGES: dict[str, Range] = {
    "adapter.alpha": Range(0, ends="(]"),
    "adapter.dropout": _SHARE,
    "adapter.last_layers": _NONE_OR_MORE,
    "adapter.learning_rate": _NONE_OR_MORE,
    "adapter.rank": _COUNT,
    "callbacks.checkpoint.every_minutes": Range(0, ends="(]"),
    "callbacks.checkpoint.every_n_steps": _COUNT,
    "cost.batch_size": _COUNT,
    "cost.usd_per_hour": _NONE_OR_MORE,
    "cost.utilisation": Range(0, 1, "(]"),
    "dataset.split_seed": _SEED,
    "latency.max_seconds": Range(0, ends="(]"),
    "latency.min_samples": _COUNT,
    "latency.min_seconds": _NONE_OR_MORE,
    "model.dropout": _SHARE,
    "model.label_smoothing": _SHARE,
    "model.learning_rate": _NONE_OR_MORE,
    "optimizer.lr": _NONE_OR_MORE,
    "optimizer.weight_decay": _NONE_OR_MORE,
    "scheduler.warmup": _NONE_OR_MORE,
    "seed": _SEED,
    "trainer.accumulate_grad_batches": _COUNT,
    "trainer.gradient_clip_val": _NONE_OR_MORE,
    "trainer.log_every_n_steps": _COUNT,
    "trainer.max_epochs": Range(-1),
    "trainer.max_steps": Range(-1),
}
ONE_OF: dict[str, tuple[object, ...]] = {
    "adapter.merge": ("auto", True, False),
    "model.attention": ("sdpa", "eager", "flash"),
    "model.head": ("auto", "classification", "lm"),
    "model.init": ("pretrained", "random"),
    "resume_policy": ("same", "strict", "changed"),
    "trainer.activation_offload": (True, False),
    "trainer.compile": (True, False),
    "trainer.optimizer_in_backward": (True, False),
    "trainer.accelerator": ("auto", "cpu", "gpu", "cuda", "mps"),
    "trainer.precision": (
        *("auto", "32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true"),
        *("bf16", "16", "32", "64", 16, 32, 64),
    ),
}


def check_ranges(values: Plain, defaults: Plain) -> list[str]:
    """Return one sentence per number outside its range, and per word that is not one of those known.

    Args:
        values: the composed configuration as plain containers.
        defaults: the same without the user's values, for the examples.
    """
    faults = []
    for key, allowed in RANGES.items():
        found = select(values, key)
        if _is_number(found) and not allowed.holds(found):
            usual = select(defaults, key)
            good = usual if _is_number(usual) and allowed.holds(usual) else None
            example = f"; write e.g. {key}={typed(good)}" if good is not None else ""
            faults.append(f"{key}={typed(found)} must be {allowed}{example}")
    for key, words in ONE_OF.items():
        found = select(values, key)
        if found is not None and not any(type(found) is type(word) and found == word for word in words):
            names = list(dict.fromkeys(typed(word) for word in words))
            near = closest(typed(found), names) or names[0]
            faults.append(f"{key}={typed(found)} is not one of {', '.join(names)}; write {key}={near}")
    return faults


def select(values: Plain, key: str) -> Any:  # noqa: ANN401 - any configuration value
    """Return the value of a dotted key, or None where there is none."""
    node: Any = values
    for part in key.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return None
        node = node[part]
    return node


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
