"""Checks the open groups: is the ``_target_`` allowed, does it take these options, have they the right type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ftlab.check.aliases import remedy_for
from ftlab.check.allowlist import refusal
from ftlab.check.signatures import Parameter, Signature, read_signature
from ftlab.errors import closest

Plain = Mapping[str, Any]

# Options that ftlab reads itself, before the target is called with the others.
RESERVED: dict[str, tuple[str, ...]] = {
    "adapter": ("name", "learning_rate", "load", "merge"),
    "scheduler": ("warmup",),
    "trainer": ("compile", "optimizer_in_backward", "activation_offload"),
}
# Arguments that ftlab gives by name at run time, and what to type instead.
RUNTIME = {
    "architecture": "model.architecture",
    "callbacks": "callbacks.<name>._target_",
    "cost": "cost.usd_per_hour",
    "data": "dataset",
    "folder": "output_dir",
    "labels": "dataset.labels",
    "latency": "latency.batch_sizes",
    "logger": "tracking",
    "max_length": "dataset.max_length",
    "members": "adapter.stack",
    "mode": "monitor",
    "model_name": "model.name",
    "monitor": "monitor",
    "net": "model",
    "num_training_steps": "trainer.max_epochs",
    "num_warmup_steps": "scheduler.warmup",
    "optimizer": "optimizer",
    "params": "adapter",
    "seed": "seed",
    "tokenizer": "dataset.tokenizer",
    "total_steps": "trainer.max_epochs",
}
_HYDRA = ("_target_", "_convert_", "_recursive_", "_partial_", "_args_")
_WORDS = {int: "a whole number", float: "a number", bool: "true or false"}
_FEW = 15  # options that are all listed; of more, only when none is near


def check_components(values: Plain, raw: Plain, defaults: Plain, choices: Mapping[str, str]) -> list[str]:
    """Return one sentence per fault of the open groups.

    Args:
        values: the composed configuration, resolved, as plain containers.
        raw: the same with its interpolations as written.
        defaults: the same without the user's values; its types speak where a signature does not.
        choices: group -> file chosen in it.
    """
    faults = [f"{key}: {sentence}" for key, target in targets(values) if (sentence := refusal(target))]
    for group in ("adapter", "optimizer", "scheduler", "trainer"):
        if isinstance(values.get(group), Mapping):
            label = f"{group}={choices[group]}" if group in choices else group
            nodes = (values[group], raw[group], _inner(defaults, group))
            members = _members(values[group]) if group == "adapter" else {}
            outer = {key: value for key, value in values[group].items() if key not in members}
            faults += _check_node(group, label, outer, *nodes[1:])
            for name, node in members.items():
                faults += _check_node(f"{group}.{name}", f"{group}.{name}", node, *(_inner(n, name) for n in nodes[1:]))
    for group in ("callbacks", "metrics"):
        for name, node in (values.get(group) or {}).items():
            if node is None:
                continue
            if not isinstance(node, Mapping):
                faults.append(f"{group}.{name}={node} is no component; write {group}.{name}._target_=package.Class")
                continue
            inner = (node, raw[group][name], _inner(_inner(defaults, group), name))
            faults += _check_node(f"{group}.{name}", f"{group}.{name}", *inner)
    return faults


def targets(node: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield the key and value of every ``_target_`` below ``node``, in lists too."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            inner = f"{path}.{key}" if path else str(key)
            if key == "_target_":
                yield inner, value
            else:
                yield from targets(value, inner)
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            yield from targets(value, f"{path}.{index}")


def inner_nodes(node: Plain) -> dict[str, Plain]:
    """Return the components inside a component, by name."""
    return {str(k): v for k, v in node.items() if isinstance(v, Mapping) and "_target_" in v}


def _members(node: Plain) -> dict[str, Plain]:
    """Return the components inside an adapter that is made of others."""
    signature = None if refusal(node.get("_target_")) else read_signature(node["_target_"])
    return inner_nodes(node) if signature is not None and "members" in signature.parameters else {}


def _options(group: str, signature: Signature) -> list[str]:
    given = set(RUNTIME) if group != "metrics" else set()
    return sorted((set(signature.parameters) - given) | set(RESERVED.get(group, ())))


def _check_node(path: str, label: str, node: Plain, raw: Plain, defaults: Plain) -> list[str]:
    if "_target_" not in node:
        return [f"{path} has no _target_; write {path}._target_=package.Class"]
    if refusal(node["_target_"]):
        return []  # said already
    group = path.partition(".")[0]
    signature = read_signature(node["_target_"]) or Signature({}, True)
    options = _options(group, signature)
    if defaults.get("_target_") not in (None, node["_target_"]):
        label = str(node["_target_"])  # no longer that of the file
    faults = []
    for key, value in node.items():
        if key in _HYDRA:
            continue
        reserved = key in RESERVED.get(group, ())
        known = reserved or key in options or signature.any_name
        if key in RUNTIME and not reserved and group != "metrics":
            faults.append(f"{path}.{key} is set by ftlab itself; write {RUNTIME[key]}=... instead")
        elif not known and raw.get(key) == defaults.get(key, ...):
            faults.append(f"{path}.{key} is not an option of {label}; leave it out with ~{path}.{key}")
        elif not known:
            faults.append(_unknown(path, key, value, label, options))
        elif not _is_interpolated(raw.get(key)):
            parameter = None if reserved else signature.parameters.get(key)
            faults += _check_type(f"{path}.{key}", value, parameter, defaults.get(key))
    return faults + _missing(path, label, node, signature)


def _unknown(path: str, key: str, value: object, label: str, options: list[str]) -> str:
    said = f"{path}.{key} is not an option of {label}"
    remedy = remedy_for(key, typed(value), at_root=False)
    if remedy and remedy != f"write {path}.{key}={typed(value)}":
        return f"{said}; {remedy}"
    near = closest(key, options)
    meant = f"; did you mean {path}.{near}?" if near else "."
    return said + meant + (f" Options: {', '.join(options)}" if len(options) <= _FEW or not near else "")


def _missing(path: str, label: str, node: Plain, signature: Signature) -> list[str]:
    if path.startswith("metrics."):
        return []
    needed = (name for name, parameter in signature.parameters.items() if parameter.required)
    lacking = [name for name in needed if name not in node and name not in RUNTIME]
    return [f"{path}.{name} is missing, and {label} needs it; add {path}.{name}=<value>" for name in lacking]


def _check_type(key: str, value: object, parameter: Parameter | None, default: object) -> list[str]:
    kinds = parameter.kinds if parameter else None
    if kinds is None:
        # bool before int: True is an int to Python, and not to a reader.
        found = next((kind for kind in (bool, int, float) if isinstance(default, kind)), object)
        kinds = frozenset({found, type(None)})
    if not kinds <= {int, float, bool, type(None)} or (value is None and default is None) or _fits(value, kinds):
        return []
    words = " or ".join(_WORDS[kind] for kind in (int, float, bool) if kind in kinds)
    example = f"; write e.g. {key}={typed(default)}" if _fits(default, kinds) and default is not None else ""
    return [f"{key}={typed(value)} is not {words}{example}"]


def _fits(value: object, kinds: frozenset[type]) -> bool:
    if isinstance(value, float) and float in kinds:
        return True
    if isinstance(value, int) and not isinstance(value, bool) and float in kinds:
        return True
    return type(value) in kinds


def typed(value: object) -> str:
    """Return ``value`` as a user types it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_interpolated(value: object) -> bool:
    return isinstance(value, str) and "${" in value


def _inner(node: Plain, key: str) -> Plain:
    inner = node.get(key)
    return inner if isinstance(inner, Mapping) else {}
