"""Sets values in a composed configuration one by one, as Hydra does, and says what is wrong with one that cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Union, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ftlab.check.aliases import remedy_for
from ftlab.check.components import typed
from ftlab.check.ranges import select
from ftlab.command.composer import explain, is_open, leaves, open_paths, plain
from ftlab.command.overrides import Given
from ftlab.errors import closest

_WORDS: dict[object, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    list[str]: "a list such as [a,b]",
    list[int]: "a list of whole numbers such as [1,2]",
}
_FEW = 25  # choices that are all listed where none is near


def assign(cfg: DictConfig, given: Given, root: type) -> str | None:
    """Set one value as Hydra does; return the fault instead where it cannot be set."""
    key, override = given.key, given.override
    fault = _unknown_key(cfg, given, root)
    if fault is not None:
        return fault
    existing = select(plain(cfg, resolve=False), key)
    if override.is_add() and existing is not None and not isinstance(override.value(), (dict, list)):
        return f"{given.text} adds what is there already; write {given.text.removeprefix('+')}"
    if override.is_delete() and not is_open(key, root) and not override.is_hydra_override():
        return f"{given.text} is not possible, since every run needs {key}; set it to another value"
    try:
        if override.is_delete():
            parent, _, last = key.rpartition(".")
            node = OmegaConf.select(cfg, parent) if parent else cfg
            OmegaConf.set_struct(node, False)
            del node[last]
            OmegaConf.set_struct(node, None)
        else:
            adds = override.is_add() or override.is_force_add()
            OmegaConf.update(cfg, key, override.value(), merge=True, force_add=adds)
    except OmegaConfBaseException as error:
        return _wrong_type(cfg, given, root, error)
    return None


def _unknown_key(cfg: DictConfig, given: Given, root: type) -> str | None:
    if given.override.is_hydra_override() and (given.override.is_add() or given.override.is_force_add()):
        return None  # Hydra's own node has open parts too
    node: Any = cfg
    path = ""
    for part in given.key.split("."):
        if path in open_paths(root) and not given.override.is_delete():
            return None
        if not isinstance(node, DictConfig):
            return f"{given.key} is not an option, since {path} holds a value; write {path}=<value>"
        if part not in node:
            names = [str(name) for name in node if not str(name).startswith("_")]
            return _unknown_option(given, path, names, [key for key, _ in leaves(plain(cfg, resolve=False))])
        leaf = OmegaConf.is_missing(node, part) or OmegaConf.is_interpolation(node, part)
        node = None if leaf else node[part]
        path = f"{path}.{part}" if path else part
    return None


def _unknown_option(given: Given, path: str, names: Sequence[str], leaves: Sequence[str]) -> str:
    """Return the sentence for a key that is not among the ``names`` below ``path``."""
    last = given.key.rpartition(".")[2]
    said = f"{given.key} is not an option"
    remedy = remedy_for(last, given.text.partition("=")[2], at_root=not path)
    if remedy:
        return f"{said}; {remedy}"
    same = [leaf for leaf in leaves if leaf.rpartition(".")[2] == last]
    near = same[0] if same else closest(last, names)
    if near:
        return f"{said}; did you mean {near if same or not path else f'{path}.{near}'}?"
    listed = ", ".join(sorted(names)[:_FEW])
    return f"{said}. Options{f' of {path}' if path else ''}: {listed}"


def _wrong_type(cfg: DictConfig, given: Given, root: type, error: Exception) -> str:
    hint = _hint(root, given.key)
    if get_origin(hint) is Union:  # Optional[...]
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    value = typed(given.override.value())
    default = select(plain(cfg, resolve=False), given.key)
    if hasattr(hint, "__dataclass_fields__"):
        names = ", ".join(f"{given.key}.{name}" for name in get_type_hints(hint))
        return f"{given.key}={value} is not possible; set one of {names}"
    if hint not in _WORDS:
        return f"{given.text} is not possible: {explain(error)}"
    simple = default is not None and not isinstance(default, (dict, list)) and "${" not in str(default)
    example = f"; write e.g. {given.key}={typed(default)}" if simple else ""
    return f"{given.key}={value} is not {_WORDS[hint]}{example}"


def _hint(root: type, key: str) -> Any:  # noqa: ANN401 - a type hint
    hint: Any = root
    for part in key.split("."):
        if not hasattr(hint, "__dataclass_fields__"):
            return None
        hint = get_type_hints(hint).get(part)
    return hint
