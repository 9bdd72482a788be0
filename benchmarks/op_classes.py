"""Where the time of a training step goes, by kind of operation. Pure."""

from __future__ import annotations

from collections.abc import Iterable

# First match counts; the rest is "other".
_CLASSES = (
    ("matrix products", ("mm", "addmm", "bmm", "baddbmm", "linear", "matmul")),
    ("attention softmax", ("_softmax", "scaled_dot_product", "_scaled_dot", "_flash_attention", "_safe_softmax")),
    ("layer norm", ("native_layer_norm",)),
    ("GELU", ("gelu",)),
    ("dropout", ("bernoulli", "native_dropout", "dropout", "div_")),
    ("embedding, and its gradient", ("embedding", "index_select", "fill_", "zero_", "zeros")),
    ("optimizer and clipping", ("_fused_adamw", "linalg_vector_norm", "_foreach", "Optimizer")),
    ("copies and elementwise", ("copy_", "mul", "add", "sum", "cat", "where", "clone", "to_copy", "tanh", "all")),
)
OTHER = "other operations"


def classify(operation: str) -> str:
    """Return the class of a profiler's operation name, e.g. ``aten::addmm``."""
    name = operation.removeprefix("aten::")
    for label, starts in _CLASSES:
        if name.startswith(starts):
            return label
    return OTHER


def by_class(operations: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Return class -> time, the largest first, of (operation, time spent in itself alone)."""
    found: dict[str, float] = {}
    for name, spent in operations:
        label = classify(name)
        found[label] = found.get(label, 0.0) + spent
    return dict(sorted(found.items(), key=lambda item: -item[1]))
