"""How deep in a network each parameter lies: what counts as above the layers, and as below them."""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedModel

from ftlab.adapters.anatomy import head_parameters, is_tied, layer_stack, writes


def parameter_depths(net: PreTrainedModel, option: str = "adapter.last_layers") -> dict[str, int]:
    """Return how many layers down each parameter lies, by name.

    0: above the layers: head, pooler, final norm, an output layer of its own. 1: the top layer, and so on. One more
    than there are layers: below all of them, as embeddings are, or read by all of them.

    Args:
        net: a classifier or a language model; the meta device will do.
        option: that needs to know, for the sentence.

    Raises:
        ModelError: the architecture has no stack of layers.
    """
    stack, layers = layer_stack(net, option)
    names = [name for name, _ in net.named_parameters()]
    last = max(number for number, name in enumerate(names) if name.startswith(f"{stack}."))
    above = {name for name, _ in head_parameters(net)} | output_names(net)
    # DeBERTa registers the table and the norm of its relative positions after the layers, which all read them.
    every_layer = bool(getattr(net.config, "relative_attention", False))
    depths = {}
    for number, name in enumerate(names):
        is_after = number > last and "embed" not in name and not every_layer  # registered after the layers: final norm
        if name.startswith(f"{stack}."):
            depths[name] = len(layers) - int(name.removeprefix(f"{stack}.").split(".")[0])
        elif name in above or "pooler" in name.split(".") or is_after:
            depths[name] = 0
        else:
            depths[name] = len(layers) + 1
    return depths


def output_names(net: PreTrainedModel) -> set[str]:
    """Return the parameters of a language model's output layer; none where that is its embedding."""
    if not writes(net) or is_tied(net):
        return set()
    untyped: Any = net
    output = set(map(id, untyped.get_output_embeddings().parameters()))
    return {name for name, parameter in net.named_parameters() if id(parameter) in output}
