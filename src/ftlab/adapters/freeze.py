"""The top of the network trains, at once or layer by layer, or what name patterns choose; the rest stays as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted
from ftlab.adapters.anatomy import freeze_all, head_parameters, layer_stack, module_names
from ftlab.adapters.depth import output_names, parameter_depths
from ftlab.errors import ModelError, did_you_mean

_EXAMPLE = (0.0, 0.25, 0.5, 0.75)


def add_freeze(
    net: PreTrainedModel,
    *,
    last_layers: int = 2,
    patterns: Sequence[str] | str | None = None,
    unfreeze_schedule: Sequence[float] | None = None,
    layer_decay: float = 1.0,
    total_steps: int | None = None,
) -> Adapted:
    """Freeze ``net`` except its head and what is chosen.

    Gradual unfreezing and discriminative learning rates are those of ULMFiT (arXiv:1801.06146, section 3.3). All that
    will ever train has its gradient from the first step on, so that processes and checkpoints see one set of
    parameters; until its time the gradient is dropped, and neither weight nor moment moves. A schedule hence changes
    what is learned, not the memory or the time that it takes.

    Args:
        net: a classifier, or a language model, whose output layer trains only where a pattern names it.
        last_layers: transformer layers from the top; with them the norm above them, and the pooler.
        patterns: instead of ``last_layers``: regular expressions, each found anywhere in a parameter's name.
        unfreeze_schedule: instead of ``last_layers``: shares of the training, each that at which one more layer from
            the top starts to train; what lies above the layers trains from the beginning.
        layer_decay: each layer trains with so much of the rate of what lies above it.
        total_steps: not used.

    Raises:
        ModelError: more layers than there are, numbers out of range, or a pattern that is none or matches nothing.
    """
    if isinstance(layer_decay, bool) or not isinstance(layer_decay, int | float) or not 0 < layer_decay <= 1:
        raise ModelError(
            f"adapter.layer_decay={layer_decay} must be above 0 and at most 1; type adapter.layer_decay=1.0"
        )
    shares = None if unfreeze_schedule is None else _shares(net, unfreeze_schedule, patterns)
    if patterns is None:
        chosen = _by_layers(net, last_layers if shares is None else len(shares))
    else:
        chosen = _by_patterns(net, patterns)
    depths = None if shares is None and layer_decay == 1 else parameter_depths(net, "adapter.layer_decay")
    freeze_all(net)
    for name, parameter in net.named_parameters():
        if name in chosen:
            parameter.requires_grad_(True)
    for _, parameter in head_parameters(net):
        parameter.requires_grad_(True)
    groups = None if depths is None else _groups(net, depths, shares, layer_decay)
    return Adapted(net, param_groups=groups, unchanged=True)


def _groups(
    net: PreTrainedModel, depths: dict[str, int], shares: Sequence[float] | None, layer_decay: float
) -> list[dict[str, Any]]:
    """Return what trains by depth, from the top down."""
    found: dict[int, list[Any]] = {}
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            found.setdefault(depths[name], []).append(parameter)
    groups = []
    for depth, parameters in sorted(found.items()):
        group: dict[str, Any] = {"params": parameters, "lr_scale": layer_decay**depth}
        if shares is not None and depth:
            group["starts_at"] = float(shares[depth - 1])
        groups.append(group)
    return groups


def _shares(net: PreTrainedModel, given: object, patterns: object) -> list[float]:
    """Return the schedule, checked.

    Raises:
        ModelError: it is no list of ascending shares, is longer than the network, or comes with patterns.
    """
    if patterns is not None:
        raise ModelError(
            "adapter.unfreeze_schedule counts layers from the top, and adapter.patterns names parameters; leave out one"
        )
    count = len(layer_stack(net, "adapter.unfreeze_schedule")[1])
    usual = f"type adapter.unfreeze_schedule=[{','.join(map(str, _EXAMPLE[:count]))}]"
    shown = f"adapter.unfreeze_schedule={str(given).replace(' ', '')}"
    # A configuration's list is a Sequence of another library's.
    shares = [] if isinstance(given, str) or not isinstance(given, Sequence) else list(given)
    numbers = all(isinstance(share, int | float) and not isinstance(share, bool) for share in shares)
    if not shares or not numbers or not all(0 <= share < 1 for share in shares) or shares != sorted(shares):
        raise ModelError(
            f"{shown} must be ascending shares of the training, from 0 to below 1, one for each layer from the top; "
            f"{usual}"
        )
    if len(shares) > count:
        fits = ",".join(map(str, shares[:count]))
        raise ModelError(
            f"{shown} starts {len(shares)} layers, and this {net.config.model_type} has {count}; type "
            f"adapter.unfreeze_schedule=[{fits}]"
        )
    return [float(share) for share in shares]


def _by_layers(net: PreTrainedModel, last_layers: int) -> set[str]:
    _, layers = layer_stack(net)
    if isinstance(last_layers, bool) or not isinstance(last_layers, int) or not 0 <= last_layers <= len(layers):
        raise ModelError(
            f"adapter.last_layers={last_layers} must be between 0 and {len(layers)}, the layers of this "
            f"{net.config.model_type}; type adapter.last_layers={min(2, len(layers))}"
        )
    output = output_names(net)
    return {name for name, depth in parameter_depths(net).items() if depth <= last_layers and name not in output}


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
