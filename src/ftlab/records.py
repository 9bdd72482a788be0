"""Frozen dataclasses to JSON values and back, guided by their type hints."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from ftlab.errors import DataError

_hints = functools.cache(get_type_hints)


@functools.cache
def _shape(hint: Any) -> tuple[bool, Any, tuple[Any, ...]]:  # noqa: ANN401 - any type hint
    """Return whether ``hint`` is a dataclass, and its origin and arguments: a thousand records ask for the same."""
    return dataclasses.is_dataclass(hint) and isinstance(hint, type), get_origin(hint), get_args(hint)


def to_plain(value: Any) -> Any:  # noqa: ANN401 - walks any JSON value
    """Return ``value`` in what ``json`` writes: numbers of numpy and torch as Python's, non-finite ones as None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {k: to_plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(v) for v in value]
    if hasattr(value, "item"):  # one number in numpy's or torch's clothes
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def from_plain(hint: Any, value: Any) -> Any:  # noqa: ANN401 - walks any JSON value
    """Return the JSON ``value`` as the type ``hint``: dataclasses built, lists turned back into tuples.

    Keys a dataclass does not know (a later version wrote them) are left out; null stays None.

    Raises:
        KeyError, TypeError, AttributeError: a key is missing, or a value has another shape than ``hint``.
    """
    if value is None:
        return None
    is_record, origin, inner = _shape(hint)
    if is_record:
        known = _hints(hint)
        return hint(**{k: from_plain(known[k], v) for k, v in value.items() if k in known})
    if origin is UnionType:  # something | None
        return from_plain(inner[0], value)
    if origin is dict:
        return {k: from_plain(inner[1], v) for k, v in value.items()}
    if origin is list:
        return [from_plain(inner[0], v) for v in value]
    return tuple(value) if origin is tuple else value


_WORDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


def misfit(hint: Any, value: Any, where: str = "") -> str | None:  # noqa: ANN401 - walks any JSON value
    """Return in words the first thing in ``value`` that is of another type than ``hint``; None: it fits.

    Null fits everywhere, as in ``from_plain``.

    Args:
        hint: a dataclass, or the type of one of its fields.
        value: of JSON, or what ``from_plain`` made of it.
        where: the keys that lead there.
    """
    is_record, origin, inner = _shape(hint)
    if value is None or hint is Any:
        return None
    if origin is UnionType:
        return misfit(inner[0], value, where)
    if is_record:
        return _misfit_of_record(hint, value, where)
    if origin is dict:
        parts = [(inner[1], one, f"{where}.{key}") for key, one in value.items()] if isinstance(value, dict) else None
        wanted = "a section"
    elif origin in (list, tuple):
        is_list = isinstance(value, (list, tuple)) and (origin is list or len(value) == len(inner))
        parts = [(inner[0], one, f"{where}[{n}]") for n, one in enumerate(value)] if is_list else None
        wanted = "a list" if origin is list else f"a list of {len(inner)}"
    else:
        kinds = (int, float) if hint is float else hint
        fits = isinstance(value, kinds) and (hint is bool or not isinstance(value, bool))
        return None if fits else f"{where} is not {_WORDS[hint]}"
    if parts is None:
        return f"{where} is not {wanted}"
    return next((found for part in parts if (found := misfit(*part)) is not None), None)


def _misfit_of_record(kind: Any, value: Any, where: str) -> str | None:  # noqa: ANN401 - walks any JSON value
    if isinstance(value, dict):
        missing = [f.name for f in dataclasses.fields(kind) if _is_needed(f) and f.name not in value]
    elif isinstance(value, kind):
        missing, value = [], {f.name: getattr(value, f.name) for f in dataclasses.fields(kind)}
    else:
        return f"{where or 'it'} is not a section"
    dotted = f"{where}." if where else ""
    if missing:
        return f"no {', '.join(f'{dotted}{name}' for name in missing)}"
    known = _hints(kind)
    found = (misfit(hint, value[name], f"{dotted}{name}") for name, hint in known.items() if name in value)
    return next((one for one in found if one is not None), None)


def _is_needed(one: dataclasses.Field[Any]) -> bool:
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING


class NewerError(DataError):
    """A newer ftlab wrote the file."""

    def __init__(self, path: Path, schema: int, known: int) -> None:
        """Take the file, its schema, and the newest that can be read."""
        super().__init__(f"{path} has schema {schema}, this ftlab reads up to {known}; update ftlab")
        self.short = f"{path} is of a newer ftlab (schema {schema}); update ftlab"


def read_record(kind: Any, path: Path, schema: int) -> Any:  # noqa: ANN401 - an instance of ``kind``
    """Read the dataclass ``kind`` from a JSON file that says its schema, which is at most ``schema``.

    Raises:
        DataError: it cannot be read, or is broken.
        NewerError: a newer ftlab wrote it.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); make it readable, or run the job again") from None
    except ValueError as error:  # not JSON, not UTF-8
        raise DataError(f"{path} is not valid JSON ({error}); run the job again") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("schema"), int):
        raise DataError(f"{path} has no schema number, so ftlab did not write it; give another run folder")
    if raw["schema"] > schema:
        raise NewerError(path, raw["schema"], schema)
    try:
        return from_plain(kind, raw)
    except (KeyError, TypeError, AttributeError):
        why = misfit(kind, raw) or "a key is missing"
        raise DataError(f"{path} is not a complete record ({why}); run the job again") from None
