"""What a configuration may tell Hydra itself: its launcher and sweeper. Hydra calls what it reads in its own node."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from ftlab.check.allowlist import refusal
from ftlab.check.components import targets
from ftlab.check.definitions import UnreadableError, find_definition

Plain = Mapping[str, Any]
# Each lets a file call a function (logging's "()"), or open the allowlist by setting FTLAB_ALLOW.
_CLOSED = {
    "job_logging": "a run's log is its run.log",
    "hydra_logging": "a run's log is its run.log",
    "callbacks": "name callbacks of a run with callbacks.<name>._target_",
    "job.env_set": "set environment variables in the shell",
    "job.env_copy": "set environment variables in the shell",
}
_BASIC = tuple(f"hydra._internal.core_plugins.basic_{kind}.Basic{kind.title()}" for kind in ("launcher", "sweeper"))
BASIC_SWEEPER = _BASIC[1]  # every combination of the values, in the order they are typed
_PLUGINS = "hydra_plugins"


def hydra_faults(node: Plain, default: Plain) -> list[str]:
    """Return one sentence per value of Hydra's own node that would call or set what nobody typed.

    Args:
        node: composed, as plain containers, interpolations as written.
        default: the same without anything of the user's.
    """
    faults = [
        f"hydra.{key} cannot be set; {remedy}"
        for key, remedy in _CLOSED.items()
        if (_at(node, key) or None) != (_at(default, key) or None)
    ]
    for key, text in _texts(node, "hydra"):
        if "oc.create" in text or "oc.decode" in text:  # would make a node that no check has seen
            faults.append(f"{key} makes its value with a resolver; write the value itself")
    said = tuple(f"hydra.{key}." for key in _CLOSED)
    for key, target in targets(node, "hydra"):
        sentence = None if key.startswith(said) else _refusal(target)
        if sentence:
            faults.append(f"{key}: {sentence}")
    return faults


def _refusal(target: object) -> str | None:
    """Return the sentence that refuses ``target``: a plugin is a class of Hydra's plugin packages, no path beyond."""
    if target in _BASIC:
        return None
    if not isinstance(target, str) or target.split(".")[0] != _PLUGINS:
        return refusal(target)
    try:
        found = find_definition(target)
    except (LookupError, UnreadableError) as error:
        return f"{target} is no plugin of Hydra ({error.args[0]})"
    if not isinstance(found.node, ast.ClassDef) or found.module.split(".")[0] != _PLUGINS:
        return f"{target} is no class of a Hydra plugin, but of {found.module}"
    return None


def _at(node: Any, key: str) -> Any:  # noqa: ANN401 - a plain value
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def _texts(node: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, str):
        yield path, node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _texts(value, f"{path}.{key}")
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            yield from _texts(value, f"{path}.{index}")
