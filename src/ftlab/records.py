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


def read_record(kind: Any, path: Path, schema: int) -> Any:  # noqa: ANN401 - an instance of ``kind``
    """Read the dataclass ``kind`` from a JSON file that says its schema, which is at most ``schema``.

    Raises:
        DataError: it cannot be read, is broken, or a newer ftlab wrote it.
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
        raise DataError(f"{path} has schema {raw['schema']}, this ftlab reads up to {schema}; update ftlab")
    try:
        return from_plain(kind, raw)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is not a complete record ({error}); run the job again") from None
