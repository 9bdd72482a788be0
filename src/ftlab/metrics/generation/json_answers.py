"""Answers that must be JSON: do they parse, and do they fit a schema (JSON Schema, draft 2020-12).

- **What parses** is the whole answer, or the whole of one Markdown fence around it: chat models fence what they write,
  and what reads their answers takes it off. Text beside the JSON, ``NaN`` and ``Infinity`` are not JSON.
- **Draft**: 2020-12, or the one that the schema's ``$schema`` names. ``format`` is a note there, and is not checked.
- **References** stay in the file: one that leads elsewhere is refused, never fetched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftlab.errors import ConfigError, DataError

_FENCE = re.compile(r"```[ \t]*(?:json|JSON)?[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
NO_JSON = object()  # what an answer that does not parse holds; null is an answer


def read_answer(text: str) -> Any:  # noqa: ANN401 - JSON
    """Return what the answer ``text`` holds, ``NO_JSON`` where it does not parse."""
    text = text.strip()
    fenced = _FENCE.fullmatch(text)
    try:
        return json.loads(fenced[1] if fenced else text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return NO_JSON


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """A schema file that has been checked; ``validator`` is one of jsonschema's."""

    path: str
    validator: Any

    def accepts(self, value: object) -> bool:
        """Say whether ``value`` fits; one nested too deeply to be checked does not."""
        try:
            return value is not NO_JSON and bool(self.validator.is_valid(value))
        except RecursionError:
            return False


def load_schema(path: str | Path, key: str = "generation.json_schema") -> JsonSchema:
    """Return the JSON schema in the file ``path``.

    Args:
        path: a json file.
        key: what the user typed it under.

    Raises:
        DataError: no such file, no JSON, no JSON schema, or a reference that leads out of the file or nowhere.
        ConfigError: the package jsonschema is not there.
    """
    said = f"{key}={path}"
    schema = _read(Path(path), said)
    try:
        import jsonschema
        from jsonschema.validators import validator_for
        from jsonschema_specifications import REGISTRY
    except ImportError as error:
        raise ConfigError(
            f"{said} needs the package jsonschema; type pip install jsonschema, or leave {key} out"
        ) from error
    latest = jsonschema.Draft202012Validator
    named = schema.get("$schema", latest.META_SCHEMA["$schema"])
    draft = validator_for({"$schema": named}, default=None) if isinstance(named, str) else None
    if draft is None:
        raise DataError(
            f"{said} names a draft that is not known, $schema={_short(named)}; "
            'write "$schema": "https://json-schema.org/draft/2020-12/schema"'
        )
    try:
        draft.check_schema(schema)
    except jsonschema.SchemaError as error:
        place = "/".join(map(str, error.absolute_path)) or "its top level"
        raise DataError(f"{said} is no JSON schema: {_short(error.message)} (at {place}); correct it") from None
    if not (set(schema) & set(draft.VALIDATORS)):
        raise DataError(
            f"{said} is no JSON schema: it asks for nothing (its keys: {_short(', '.join(schema)) or 'none'}); "
            'write {"type": "object", "properties": {...}, "required": [...]}'
        )
    _check_references(schema, said, draft)
    found = JsonSchema(str(path), draft(schema, registry=REGISTRY))
    _check_ends(found, said)
    return found


def _read(path: Path, said: str) -> dict[str, Any]:
    try:
        schema = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise DataError(
            f"{said} does not exist (looked in {path.absolute().parent}); give a JSON schema file"
        ) from None
    except OSError as error:
        raise DataError(f"{said} cannot be read ({error.strerror}); give a JSON schema file") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{said} is no JSON ({_short(str(error))}); give a JSON schema file") from None
    if not isinstance(schema, dict):
        raise DataError(
            f"{said} is no JSON schema but {_short(json.dumps(schema))}; "
            'write {"type": "object", "properties": {...}, "required": [...]}'
        )
    return schema


def _check_references(schema: dict[str, Any], said: str, draft: Any) -> None:  # noqa: ANN401 - a jsonschema class
    """Look up each reference, without fetching any.

    Raises:
        DataError: one leads out of the file, or to nothing in it.
    """
    from jsonschema_specifications import REGISTRY
    from referencing import Resource
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import specification_with

    specification = specification_with(draft.META_SCHEMA["$schema"])
    root = Resource(contents=schema, specification=specification)
    resolver = REGISTRY.with_resource(root.id() or "", root).resolver(root.id() or "")
    waiting, seen = [(root, resolver)], set()
    while waiting:
        resource, resolver = waiting.pop()
        if id(resource.contents) in seen:
            continue
        seen.add(id(resource.contents))
        for reference in _references(resource.contents):
            try:
                found = resolver.lookup(reference)
            except (Unresolvable, ValueError):
                raise DataError(
                    f"{said} refers to {_short(reference)}, which is not in the file and is not fetched; "
                    'copy that schema into its "$defs" and refer to "#/$defs/<name>"'
                ) from None
            waiting.append((Resource(contents=found.contents, specification=specification), found.resolver))
        waiting += [(sub, resolver.in_subresource(sub)) for sub in resource.subresources()]


def _references(contents: object) -> Iterator[str]:
    if isinstance(contents, dict):
        for key in ("$ref", "$dynamicRef", "$recursiveRef"):
            if isinstance(contents.get(key), str):
                yield contents[key]


def _check_ends(schema: JsonSchema, said: str) -> None:
    probes: tuple[object, ...] = ({}, [], "", 0, None)
    for probe in probes:
        try:
            schema.validator.is_valid(probe)
        except RecursionError:
            raise DataError(f"{said} refers to itself without end; take the circle of $ref out of it") from None


def _short(text: object) -> str:
    said = " ".join(str(text).split())
    return said if len(said) <= 120 else f"{said[:117]}..."
