"""One composed configuration as the rules see it, and the sentences several rules share."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftlab.check.components import check_components
from ftlab.check.ranges import Plain, check_ranges
from ftlab.errors import UserError


@dataclass(frozen=True, slots=True)
class Composed:
    """One configuration, as plain containers.

    Args:
        verb: which of the YAML files at the root it comes from.
        values: interpolations resolved; ``???`` where a value is missing.
        raw: interpolations as written.
        defaults: ``values`` without what the user typed.
        choices: group -> file chosen in it.
        given: keys the user typed.
    """

    verb: str
    values: Plain
    raw: Plain
    defaults: Plain
    choices: Mapping[str, str]
    given: frozenset[str]


def options(c: Composed) -> list[str]:
    """Return the faults of options and ranges: names that are not there, values of another kind or size."""
    wrong = check_components(c.values, c.raw, c.defaults, c.choices)
    said = {re.split("[ =]", sentence)[0] for sentence in wrong}  # an option that is not there has no range
    return wrong + [s for s in check_ranges(c.values, c.defaults) if s.partition("=")[0] not in said]


def missing_path(key: str, value: str, fits: Callable[[str], bool]) -> str:
    """Return the sentence for a path where nothing lies, with near names of the same folder that ``fits`` accepts."""
    path = Path(value).expanduser()
    if not path.parent.is_dir():
        return f"{key}={value} does not exist, and neither does the folder {path.parent}; give another path"
    held = sorted(e.name for e in path.parent.iterdir() if not e.name.startswith(".") and fits(str(e)))
    near = difflib.get_close_matches(path.name, held, n=1, cutoff=0.5)
    if near:
        return f"{key}={value} does not exist; did you mean {key}={path.with_name(near[0])}?"
    return f"{key}={value} does not exist; {path.parent.resolve()} holds {', '.join(held[:8]) or 'nothing like it'}"


def missing_run(key: str, value: str) -> str:
    """Return the sentence for a run that is no folder: a file, or nothing, with near names and what lists the runs."""
    if Path(value).expanduser().exists():
        return f"{key}={value} is a file; give the run's folder"
    said = missing_path(key, value, os.path.isdir)
    return said if said.endswith("?") else f"{said}; `ftlab list` shows the runs there are"


def sentences(rule: Callable[[Any], object], argument: object) -> list[str]:
    """Return what ``rule`` raises as sentences."""
    try:
        rule(argument)
    except UserError as error:
        return list(error.sentences)
    return []
