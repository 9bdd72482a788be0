"""The top of the network trains, or what name patterns choose; the rest stays as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted
from ftlab.adapters.anatomy import freeze_all, head_parameters, layer_stack, module_names, writes
from ftlab.errors import ModelError, did_you_mean


def add_freeze(
    net: PreTrainedModel,
    *,
    last_layers: int = 2,
    patterns: Sequence[str] | str | None = None,
    total_steps: int | None = None,
) -> Adapted:
    """Freeze ``net`` except its head and what is chosen.

    Args:
        net: a classifier, or a language model, whose output layer trains only where a pattern names it.
        last_layers: transformer layers from the top; with them the norm above them, and the pooler.
        patterns: instead of ``last_layers``: regular expressions, each found anywhere in a parameter's name.
        total_steps: not used.

    Raises:
        ModelError: more layers than there are, or a pattern that is none or matches nothing.
    """
    chosen = _by_layers(net, last_layers) if patterns is None else _by_patterns(net, patterns)
    freeze_all(net)
    for name, parameter in net.named_parameters():
        if name in chosen:
            parameter.requires_grad_(True)
    for _, parameter in head_parameters(net):
        parameter.requires_grad_(True)
    return Adapted(net, unchanged=True)


def _by_layers(net: PreTrainedModel, last_layers: int) -> set[str]:
    stack, layers = layer_stack(net)
    if isinstance(last_layers, bool) or not isinstance(last_layers, int) or not 0 <= last_layers <= len(layers):
        raise ModelError(
            f"adapter.last_layers={last_layers} must be between 0 and {len(layers)}, the layers of this "
            f"{net.config.model_type}; type adapter.last_layers={min(2, len(layers))}"
        )
    trained = {f"{stack}.{number}" for number in range(len(layers) - last_layers, len(layers))}
    parameters = list(net.named_parameters())
    names = [name for name, _ in parameters]
    in_stack = [number for number, name in enumerate(names) if name.startswith(f"{stack}.")]
    depth = stack.count(".") + 2
    # DeBERTa registers the table and the norm of its relative positions there, which every layer reads.
    every_layer = bool(getattr(net.config, "relative_attention", False))
    untyped: Any = net
    output = set(map(id, untyped.get_output_embeddings().parameters())) if writes(net) else set()
    return {
        name
        for number, name in enumerate(names)
        if ".".join(name.split(".")[:depth]) in trained
        or "pooler" in name.split(".")
        # Registered after the layers: the final norm.
        or (
            number > in_stack[-1]
            and "embed" not in name
            and not every_layer
            and id(parameters[number][1]) not in output
        )
    }


def _by_patterns(net: PreTrainedModel, patterns: Sequence[str] | str) -> set[str]:
    names = [name for name, _ in net.named_parameters()]
    chosen: set[str] = set()
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        try:
            found = {name for name in names if re.search(str(pattern), name)}
        except re.error as error:
            raise ModelError(
                f"adapter.patterns: {pattern!r} is no regular expression ({error}); type for example "
                "adapter.patterns=[pooler]"
            ) from None
        if not found:
            words = dict.fromkeys(part for name in names for part in name.split(".") if not part.isdigit())
            shown = module_names(net)
            more = ", ..." if len(shown) > 8 else ""
            raise ModelError(
                f"adapter.patterns: {pattern!r} matches no parameter of this {net.config.model_type}"
                f"{did_you_mean(str(pattern), words)} (there are {', '.join(shown[:8])}{more}); type for example "
                f"adapter.patterns=[{shown[-2] if len(shown) > 1 else shown[-1]}]"
            )
        chosen |= found
    return chosen
