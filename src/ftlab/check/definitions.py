"""Where a class or function is defined, found in source with ``ast``: nothing is imported."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_DEPTH = 20  # imports followed from file to file before giving up


class UnreadableError(Exception):
    """The source is compiled, made at run time, or too entangled to follow: nothing can be said."""


Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Definition:
    """Where a class or function stands."""

    module: str
    node: ast.ClassDef | Function


@cache
def module_file(module: str) -> Path | None:
    """Return the source file of ``module``, or None where it has none. Imports nothing, parents included."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ValueError, ImportError):  # "", or a module that hides its origin
        return None
    if spec is None:
        return None
    folders = [Path(place) for place in spec.submodule_search_locations or []]
    file = Path(spec.origin) if spec.has_location and spec.origin else None
    for part in rest:
        found = [p for f in folders for p in (f / part / "__init__.py", f / f"{part}.py") if p.is_file()]
        nested = [f / part for f in folders if (f / part).is_dir()]
        if not found and not nested:
            return None
        file = found[0] if found else None
        folders = nested
    return file if file is not None and file.suffix == ".py" else None


def find_definition(target: str) -> Definition:
    """Find where the class or function ``target`` is defined, following imports from file to file.

    Raises:
        LookupError: its module is readable and holds no such name, or there is no such module.
        UnreadableError: nothing can be said.
    """
    module, _, name = target.rpartition(".")
    if not module:
        raise LookupError(f"{target} names no module")
    if module_file(module) is not None:
        return look_up(module, name)
    parents = module.split(".")
    if any(module_file(".".join(parents[:n])) is not None for n in range(1, len(parents))):
        raise LookupError(f"there is no module {module}")
    try:
        spec = importlib.util.find_spec(parents[0])
    except (ValueError, ImportError):
        spec = None
    if spec is None:
        raise LookupError(f"there is no module {parents[0]}")
    raise UnreadableError(f"{module} has no source")


@cache
def _tree(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError) as error:
        raise UnreadableError(str(error)) from error


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield top-level statements, those inside ``if`` and ``try`` included (TYPE_CHECKING, optional imports)."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If):
            yield from _statements([*statement.body, *statement.orelse])
        elif isinstance(statement, ast.Try):
            yield from _statements(statement.body)


def look_up(module: str, name: str, depth: int = _DEPTH) -> Definition:
    """Find ``name`` as ``module`` knows it: defined there, or imported.

    Raises:
        LookupError: the module has no such name.
        UnreadableError: nothing can be said.
    """
    path = module_file(module)
    if path is None or depth == 0:
        raise UnreadableError(f"{module} has no source")
    stars = []
    for statement in _statements(_tree(path).body):
        if isinstance(statement, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and statement.name == name:
            if not _is_overload(statement):
                return Definition(module, statement)
        elif isinstance(statement, ast.ImportFrom):
            source = _absolute(statement, module, path)
            for alias in statement.names:
                if (alias.asname or alias.name) == name:
                    return look_up(source, alias.name, depth - 1)
                if alias.name == "*":
                    stars.append(source)
        elif isinstance(statement, ast.Import) and any((a.asname or a.name) == name for a in statement.names):
            raise UnreadableError(f"{name} is a module in {module}")
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)) and name in _assigned(statement):
            if isinstance(statement.value, ast.Name) and statement.value.id != name:
                return look_up(module, statement.value.id, depth - 1)
            raise UnreadableError(f"{name} is made at run time in {module}")
    return _look_up_behind_stars(module, name, stars, depth)


def _look_up_behind_stars(module: str, name: str, stars: list[str], depth: int) -> Definition:
    unreadable = module_file(f"{module}.{name}") is not None  # a submodule is neither class nor function
    for source in stars:
        try:
            return look_up(source, name, depth - 1)
        except LookupError:
            continue  # not behind this star; the next one may have it
        except UnreadableError:
            unreadable = True
    path = module_file(module)
    assert path is not None, "looked up before"
    dynamic = any(isinstance(s, ast.FunctionDef) and s.name == "__getattr__" for s in _tree(path).body)
    if unreadable or dynamic:
        raise UnreadableError(f"{module} makes its names at run time")
    raise LookupError(f"{module} has no {name}")


def _absolute(statement: ast.ImportFrom, module: str, path: Path) -> str:
    if not statement.level:
        return statement.module or ""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    base = package[: len(package) - (statement.level - 1)]
    return ".".join([*base, *([statement.module] if statement.module else [])])


def _assigned(statement: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return [t.id for t in targets if isinstance(t, ast.Name)]


def _is_overload(statement: ast.stmt) -> bool:
    decorators = getattr(statement, "decorator_list", [])
    return any(last_name(d) == "overload" for d in decorators)


def last_name(node: ast.expr) -> str:
    """Return ``c`` of ``a.b.c``, and of ``c``; empty for any other expression."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
