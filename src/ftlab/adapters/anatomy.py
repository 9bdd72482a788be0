"""The parts of a transformers network: head, base, layers. Nothing here knows an architecture by name."""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers import PreTrainedModel

from ftlab.errors import ModelError


def writes(net: nn.Module) -> bool:
    """Return whether ``net`` is a language model: its output is the next token."""
    untyped: Any = net
    return untyped.get_output_embeddings() is not None


def is_tied(net: PreTrainedModel) -> bool:
    """Return whether the output layer of a language model is its embedding: one matrix that reads and writes."""
    untyped: Any = net
    output, embedding = untyped.get_output_embeddings(), untyped.get_input_embeddings()
    return output is not None and output.weight is embedding.weight


def head_modules(net: PreTrainedModel) -> list[str]:
    """Return the names of the modules beside the base that have parameters: ``pre_classifier``, ``classifier``, ...

    BERT's pooler lies in its base, so it is not among them. A language model has no head in this sense: its output
    layer was trained with the rest.
    """
    prefix = _prefix(net)
    if writes(net):
        return []
    names = [name for name, part in net.named_children() if name != prefix and any(True for _ in part.parameters())]
    assert names, f"{type(net).__name__} has no head; the models room builds classifiers only"
    return names


def head_parameters(net: PreTrainedModel) -> list[tuple[str, nn.Parameter]]:
    """Return every parameter outside the base, with its full name; of a language model none."""
    prefix = f"{_prefix(net)}."
    if writes(net):
        return []
    return [(name, parameter) for name, parameter in net.named_parameters() if not name.startswith(prefix)]


def base_modules(net: PreTrainedModel) -> dict[str, nn.Module]:
    """Return every module inside the base by its full name."""
    prefix = f"{_prefix(net)}."
    return {name: module for name, module in net.named_modules() if name.startswith(prefix)}


def layer_stack(net: PreTrainedModel, option: str = "adapter.last_layers") -> tuple[str, nn.ModuleList]:
    """Return name and modules of the stack of transformer layers; of two stacks the last, the decoder's.

    Args:
        net: a classifier or a language model.
        option: that asks for it, for the sentence.

    Raises:
        ModelError: the architecture has no such stack (ALBERT shares one layer, Funnel nests them).
    """
    count = getattr(net.config, "num_hidden_layers", None)
    stacks = [
        (name, module)
        for name, module in base_modules(net).items()
        if isinstance(module, nn.ModuleList) and len(module) == count
    ]
    if not stacks:
        raise ModelError(
            f"{option} finds no stack of layers in this {net.config.model_type}; {_without_layers(option)}"
        )
    depth = min(name.count(".") for name, _ in stacks)
    return [stack for stack in stacks if stack[0].count(".") == depth][-1]


def _without_layers(option: str) -> str:
    if option == "adapter.layer_decay":
        return "type adapter.layer_decay=1.0"
    return "name what trains with adapter.patterns=[<regular expression>]"


def module_names(net: nn.Module, depth: int = 2) -> list[str]:
    """Return the names of modules with parameters, cut after ``depth`` parts, in order."""
    return list(dict.fromkeys(".".join(name.split(".")[:-1][:depth]) for name, _ in net.named_parameters()))


def freeze_all(net: nn.Module) -> None:
    """Set every parameter not to train."""
    net.requires_grad_(False)


def _prefix(net: PreTrainedModel) -> str:
    prefix = net.base_model_prefix
    assert prefix and isinstance(getattr(net, prefix, None), nn.Module), f"{type(net).__name__} has no base model"
    return prefix
