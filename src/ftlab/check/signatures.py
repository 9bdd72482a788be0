"""Which arguments a class or function takes, read from its source: nothing is imported.

Importing ``lightning.Trainer`` to ask for its arguments takes 14 s; reading its source takes 0.03 s.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from ftlab.check.definitions import Definition, Function, UnreadableError, find_definition, last_name, look_up

_SIMPLE: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str, "None": type(None)}
_UNION = ("Union", "Optional")
_NOT_IN_YAML = ("Tensor",)  # beside a number in a union: nobody can type one
_NO_PARAMETERS = ("object", "ABC", "Generic", "Protocol")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument, and whether it must be given.

    ``kinds`` are the types its annotation allows: ``object`` for one that is not understood, None where there is none.
    """

    kinds: frozenset[type] | None
    required: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """The arguments by name; ``any_name``: it takes ``**kwargs``, so that others may be given too."""

    parameters: dict[str, Parameter]
    any_name: bool


def read_signature(target: str) -> Signature | None:
    """Return the arguments of ``target``; None where its source does not tell.

    Raises:
        LookupError: there is no such class or function.
    """
    try:
        function = _constructor(find_definition(target))
    except UnreadableError:
        return None
    return Signature({}, False) if function is None else _read_arguments(function)


def _constructor(found: Definition) -> Function | None:
    """Return ``__init__`` of the class or of its first base that has one; None: it takes nothing."""
    node = found.node
    if isinstance(node, Function):
        return node
    methods = {s.name: s for s in node.body if isinstance(s, ast.FunctionDef)}
    if "__init__" in methods:
        return methods["__init__"]
    if "__new__" in methods or node.decorator_list:  # made at run time, or a dataclass
        raise UnreadableError(f"{node.name} has no __init__")
    for base in node.bases:
        if isinstance(base, ast.Attribute):
            raise UnreadableError(f"the base of {node.name} is reached through a module")
        name = last_name(base.value if isinstance(base, ast.Subscript) else base)
        if name in _NO_PARAMETERS:
            continue
        try:
            return _constructor(look_up(found.module, name))
        except LookupError as error:  # a builtin: its arguments are nowhere in source
            raise UnreadableError(str(error)) from error
    return None


def _read_arguments(function: Function) -> Signature:
    spec = function.args
    named = [*spec.posonlyargs, *spec.args]
    defaults: list[ast.expr | None] = [*[None] * (len(named) - len(spec.defaults)), *spec.defaults]
    pairs = [*zip(named, defaults, strict=True), *zip(spec.kwonlyargs, spec.kw_defaults, strict=True)]
    parameters = {
        argument.arg: Parameter(_kinds(argument.annotation, default), default is None)
        for argument, default in pairs
        if argument.arg not in ("self", "cls")
    }
    return Signature(parameters, spec.kwarg is not None)


def _kinds(annotation: ast.expr | None, default: ast.expr | None) -> frozenset[type] | None:
    if annotation is None:
        return None
    kinds = _annotated(annotation) or frozenset({object})
    if isinstance(default, ast.Constant) and default.value is None:
        return kinds | {type(None)}
    return kinds


def _annotated(node: ast.expr) -> frozenset[type] | None:
    """Return the types a YAML value may have for the annotation; None: not understood."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):  # a quoted annotation
            return _annotated(ast.parse(node.value, mode="eval").body)
        return frozenset({type(None)}) if node.value is None else None
    if isinstance(node, ast.BinOp):
        return _union([node.left, node.right])
    if isinstance(node, ast.Subscript) and last_name(node.value) in _UNION:
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        none = [ast.Constant(None)] if last_name(node.value) == "Optional" else []
        return _union([*parts, *none])
    name = last_name(node)
    if name in _NOT_IN_YAML:
        return frozenset()
    return frozenset({_SIMPLE[name]}) if name in _SIMPLE else None


def _union(parts: list[ast.expr]) -> frozenset[type] | None:
    kinds: frozenset[type] = frozenset()
    for part in parts:
        one = _annotated(part)
        if one is None:
            return None
        kinds |= one
    return kinds
