"""Which layers an adapter goes into: what ``auto`` means per architecture, and names checked against the network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ftlab.adapters.anatomy import base_modules
from ftlab.errors import ModelError, did_you_mean

# Attention query and value, as in the LoRA paper (arXiv:2106.09685, section 4.2), or the one matrix that holds them.
AUTO: dict[str, tuple[str, ...]] = {
    "bert": ("query", "value"),
    "deberta-v2": ("query_proj", "value_proj"),
    "distilbert": ("q_lin", "v_lin"),
    "electra": ("query", "value"),
    "gpt2": ("c_attn",),
    "llama": ("q_proj", "v_proj"),
    "mistral": ("q_proj", "v_proj"),
    "modernbert": ("Wqkv",),
    "qwen2": ("q_proj", "v_proj"),
    "roberta": ("query", "value"),
    "xlm-roberta": ("query", "value"),
}
# Last parts of names that mean query, value, or both, in the architectures that the table does not list.
_LIKELY = (
    "query", "value", "q_proj", "v_proj", "query_proj", "value_proj", "q_lin", "v_lin", "q", "v", "q_head", "v_head",
    "Wqkv", "qkv_proj", "query_key_value", "c_attn", "in_proj", "qkv",
)  # fmt: skip
_LINEAR = (nn.Linear, Conv1D)
_ADAPTABLE = (*_LINEAR, nn.Embedding)
_PLAIN_NAMES = re.compile(r"[\w.]+(\s*,\s*[\w.]+)*")


@dataclass(frozen=True, slots=True)
class Targets:
    """Checked targets."""

    names: list[str]  # for peft: whole names, or ends of names
    layers: dict[str, nn.Module]  # what they match in the base, by full name


def find_targets(net: PreTrainedModel, targets: Sequence[str] | str) -> Targets:
    """Return the layers of the base that ``targets`` names.

    Args:
        net: a classifier or a language model; the meta device will do.
        targets: ``auto``; ``all-linear``; names or ends of names (``[query, value]``); or a regular expression that
            matches whole names.

    Raises:
        ModelError: a name or the expression matches no such layer. Lists those that exist.
    """
    if targets == "auto":
        return _auto(net)
    adaptable = _of_kind(net, _ADAPTABLE)
    if targets == "all-linear":
        return Targets(linear_names(net), _of_kind(net, _LINEAR))
    if isinstance(targets, str):
        if not _PLAIN_NAMES.fullmatch(targets):
            return _by_expression(net, targets, adaptable)
        targets = [name.strip() for name in targets.split(",")]
    layers: dict[str, nn.Module] = {}
    for target in targets:
        found = {n: m for n, m in adaptable.items() if n == target or n.endswith(f".{target}")}
        if not found:
            near = did_you_mean(str(target), linear_names(net))
            raise ModelError(_nothing(net, f"no layer is called {target}{near}"))
        layers |= found
    if not layers:
        raise ModelError(_nothing(net, "the list is empty"))
    return Targets(list(dict.fromkeys(targets)), layers)


def linear_names(net: PreTrainedModel) -> list[str]:
    """Return the last parts of the names of all linear layers in the base, sorted."""
    return sorted({name.rsplit(".", 1)[-1] for name in _of_kind(net, _LINEAR)})


def _of_kind(net: PreTrainedModel, kinds: tuple[type[nn.Module], ...]) -> dict[str, nn.Module]:
    return {name: module for name, module in base_modules(net).items() if isinstance(module, kinds)}


def _auto(net: PreTrainedModel) -> Targets:
    kind = net.config.model_type
    existing = linear_names(net)
    known = AUTO.get(kind) or TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING.get(kind, ())
    names = [name for name in known if name.rsplit(".", 1)[-1] in existing]
    names = names or [name for name in _LIKELY if name in existing]
    if not names:
        raise ModelError(
            f"adapter.targets=auto has no attention layers to name in this {kind} (linear layers: "
            f"{', '.join(existing)}); type adapter.targets=[{existing[0] if existing else '<name>'}]"
        )
    return find_targets(net, names)


def _by_expression(net: PreTrainedModel, expression: str, adaptable: dict[str, nn.Module]) -> Targets:
    try:
        layers = {name: module for name, module in adaptable.items() if re.fullmatch(expression, name)}
    except re.error as error:
        raise ModelError(_nothing(net, f"{expression!r} is no regular expression ({error})")) from None
    if not layers:
        example = next(iter(adaptable), "")
        raise ModelError(_nothing(net, f"{expression!r} matches no whole name such as {example}"))
    return Targets(list(layers), layers)  # whole names: the expression may match modules that peft cannot adapt


def _nothing(net: PreTrainedModel, what: str) -> str:
    kind = net.config.model_type
    example = ",".join(AUTO.get(kind, ())) or "<name>"
    return (
        f"adapter.targets: {what} in this {kind} (linear layers: {', '.join(linear_names(net))}); type "
        f"adapter.targets=[{example}] or adapter.targets=auto"
    )
