"""YAML files as data: small, of plain values, with few aliases. What is more is refused before it is built."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ftlab.errors import ConfigError

MOST_BYTES = 200_000  # the largest configuration of ours has 6,000; a slow parser takes a second for this
MOST_VALUES = 10_000  # aliases written out: Hydra takes two seconds for these; nine lines can stand for a billion
MOST_LEVELS = 50
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # either builds plain values only
_PLAIN = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in "str int float bool null seq map set timestamp binary".split()
)


def read_yaml(path: Path) -> Any:  # noqa: ANN401 - YAML
    """Return what the YAML file ``path`` holds, as plain containers; nothing in it is called.

    Raises:
        ConfigError: it cannot be read, is no YAML, is too large, or names a Python object.
    """
    text = _text(path)
    try:
        _check_events(path, text)
        return yaml.load(text, Loader=_LOADER)  # noqa: S506 - one of the two safe loaders
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())[:200]
        raise ConfigError(f"{path} is no YAML that can be read ({why}); correct it") from None


def check_yaml_files(folder: Path) -> None:
    """Read every YAML file below ``folder``, so that Hydra meets none that would keep it busy or name an object.

    Raises:
        ConfigError: one sentence per file that is refused, ten at most.
    """
    faults: list[str] = []
    for path in _yaml_files(folder):
        try:
            read_yaml(path)
        except ConfigError as error:
            faults += error.sentences
        if len(faults) == 10:
            break
    if faults:
        raise ConfigError(*faults)


def _yaml_files(folder: Path) -> Iterator[Path]:
    """Yield the YAML files that Hydra could choose below ``folder``: links followed, hidden folders left out."""
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else sorted(name for name in folders if not name.startswith("."))
        if real not in seen:
            yield from (Path(place, name) for name in sorted(names) if name.endswith((".yaml", ".yml")))
        seen.add(real)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            held = file.read(MOST_BYTES + 1)
        if len(held) > MOST_BYTES:
            raise ConfigError(
                f"{path} has more than {MOST_BYTES:,} bytes, which is no configuration; split it, or move it elsewhere"
            )
        return held.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8; save it as UTF-8") from None


def _check_events(path: Path, text: str) -> None:
    """Count levels and values from the parser's events, which come one by one, so that nothing large is built."""
    sizes: dict[str, int] = {}  # of what an anchor names, its aliases written out
    levels: list[tuple[str | None, int]] = [(None, 0)]  # anchor and size of what is open
    for event in yaml.parse(text, Loader=_LOADER):
        tag = getattr(event, "tag", None)
        if tag is not None and tag not in _PLAIN and tag != "!":
            raise ConfigError(f"{path} line {event.start_mark.line + 1} holds {tag}, not plain values; remove the tag")
        if isinstance(event, yaml.CollectionStartEvent):
            levels.append((event.anchor, 1))
        elif isinstance(event, (yaml.CollectionEndEvent, yaml.ScalarEvent, yaml.AliasEvent)):
            if isinstance(event, yaml.AliasEvent):
                # What is still open would hold itself; what was never named, the loader says.
                holds_itself = any(anchor == event.anchor for anchor, _ in levels)
                anchor, size = None, MOST_VALUES if holds_itself else sizes.get(event.anchor, 1)
            else:
                anchor, size = (event.anchor, 1) if isinstance(event, yaml.ScalarEvent) else levels.pop()
            if anchor is not None:
                sizes[anchor] = size
            levels[-1] = (levels[-1][0], levels[-1][1] + size)
        if levels[-1][1] >= MOST_VALUES or len(levels) > MOST_LEVELS:
            raise ConfigError(
                f"{path} line {event.start_mark.line + 1} goes beyond {MOST_VALUES:,} values with its aliases written "
                f"out, or {MOST_LEVELS} levels; write the values without aliases"
            )
