"""Several adapters on one network: at most one that wraps layers, and parameters of the network beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted, Member
from ftlab.adapters.anatomy import freeze_all, head_parameters
from ftlab.errors import ModelError, did_you_mean


def add_stack(
    net: PreTrainedModel, *, members: Mapping[str, Member], stack: Sequence[str], total_steps: int | None = None
) -> Adapted:
    """Put several adapters on ``net``.

    Two methods of peft do not go together: it saves them in no layout that others read. All else only says which
    parameters of the network train, so that it goes beside any. Where several name the same parameter, it trains at
    the rate of the first; the head goes with the method that wraps, if there is one. Saved, the update is merged: the
    base is no longer the one that an adapter's folder could name.

    Args:
        net: changed in place, or wrapped.
        members: the adapters there are, by name.
        stack: names of those to be used; the first one's learning rate is the optimizer's, and the others' count
            relative to it.
        total_steps: not used.

    Raises:
        ModelError: a name is unknown or twice there, two of them wrap layers, or one does not fit the network.
    """
    names = _checked(stack, members)
    wrapping = [name for name in names if members[name].wraps]
    heads = {id(parameter) for _, parameter in head_parameters(net)}
    parts: dict[str, Adapted] = {}
    groups: dict[str, list[dict[str, Any]]] = {}
    # The one that wraps comes last: it puts parts of its own between the names of the others' parameters.
    for name in [name for name in names if name not in wrapping]:
        parts[name] = members[name].add(net)
        groups[name] = _groups(parts[name])
    freeze_all(net)
    beside = [p for found in groups.values() for group in found for p in group["params"]]
    for name in wrapping:  # one or none
        parts[name] = members[name].add(net)
        groups[name] = _groups(parts[name])
        beside = [p for p in beside if id(p) not in heads]  # it trains a copy of the head
    for parameter in beside:
        parameter.requires_grad_(True)
    outer = parts[wrapping[0]].net if wrapping else net
    trained = {id(p) for p in outer.parameters() if p.requires_grad}
    assert trained.issuperset(map(id, beside)), "an adapter has put others in place of parameters that train"
    return Adapted(
        outer,
        param_groups=_joined({name: groups[name] for name in names}, members, trained),
        callbacks=tuple(callback for name in names for callback in parts[name].callbacks),
        unchanged=all(part.unchanged for part in parts.values()),
    )


def _groups(part: Adapted) -> list[dict[str, Any]]:
    return part.param_groups or [{"params": [p for p in part.net.parameters() if p.requires_grad]}]


def _joined(
    groups: Mapping[str, list[dict[str, Any]]], members: Mapping[str, Member], trained: set[int]
) -> list[dict[str, Any]]:
    """Return all groups, each parameter in the first that has it, at its member's share of the first one's rate."""
    first = members[next(iter(groups))].learning_rate
    left = set(trained)
    joined = []
    for name, found in groups.items():
        scale = members[name].learning_rate / first
        for group in found:
            params = [p for p in group["params"] if id(p) in left]
            left -= {id(p) for p in params}
            if params:
                joined.append({**group, "params": params, "lr_scale": group.get("lr_scale", 1.0) * scale})
    assert not left, "each trained parameter is some member's"
    return joined


def _checked(stack: object, members: Mapping[str, Member]) -> list[str]:
    """Return the names.

    Raises:
        ModelError: they cannot be used together.
    """
    beside = [name for name, member in members.items() if not member.wraps]
    wrapping = [name for name, member in members.items() if member.wraps]
    can = f"a stack takes one of {', '.join(wrapping)}, and with it any of {', '.join(beside)}"
    example = f"type adapter.stack=[{','.join([*wrapping[:1], *beside[:1]])}]"
    if isinstance(stack, str) or not isinstance(stack, Sequence) or not stack:
        raise ModelError(f"adapter.stack={stack} must be a list of names: {can}; {example}")
    names = [str(name) for name in stack]
    shown = f"adapter.stack=[{','.join(names)}]"
    for name in names:
        if name not in members:
            raise ModelError(f"{shown}: {name} is none of its adapters{did_you_mean(name, members)} ({can}); {example}")
        if names.count(name) > 1:
            raise ModelError(f"{shown} names {name} twice; type adapter.stack=[{','.join(dict.fromkeys(names))}]")
        if not members[name].learning_rate > 0:
            raise ModelError(
                f"adapter.{name}.learning_rate={members[name].learning_rate:g} must be above 0; type "
                f"adapter.{name}.learning_rate=1e-3"
            )
    both = [name for name in names if members[name].wraps]
    if len(both) > 1:
        kept = [name for name in names if name not in both[1:]]
        raise ModelError(
            f"{shown}: {' and '.join(both)} both wrap layers, and {can}; type adapter.stack=[{','.join(kept)}]"
        )
    return names
