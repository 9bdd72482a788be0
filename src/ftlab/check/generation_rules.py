"""Rules on ``generation`` where a finished run answers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ftlab.check.composed import Composed, sentences
from ftlab.decoding.options import generation_faults
from ftlab.errors import UserError
from ftlab.finished import open_run
from ftlab.metrics.generation.json_answers import load_schema
from ftlab.results import RunResult
from ftlab.schema import GenerationConfig

# What only a test split has: the verbs that answer what they are given do not read it.
_OF_TESTS = ("enabled", "limit", "table_rows", "json_schema")


def writing(c: Composed) -> Iterable[str]:
    """Yield options of writing that are out of range, and a schema file that is no JSON schema."""
    options = GenerationConfig(**c.values["generation"])
    yield from generation_faults(options)
    if options.json_schema is not None:
        yield from sentences(load_schema, options.json_schema)


def generation(c: Composed) -> Iterable[str]:
    """Yield options of writing that are out of range, of no use here, or given to a run that gives labels."""
    yield from writing(c)
    if c.verb != "evaluate":
        for key in sorted(c.given & {f"generation.{name}" for name in _OF_TESTS}):
            yield f"{key} has no effect on {c.verb}: it is for the rows of a test split; leave it out"
    typed = sorted(key for key in c.given if key.startswith("generation."))
    opened = _opened(c) if typed else None
    if opened is not None and not _writes(opened[1]):
        yield f"{typed[0]} is for models that write, and {opened[0]} gives labels; leave it out"


def writing_run(c: Composed) -> Iterable[str]:
    """Yield a run that does not write."""
    opened = _opened(c)
    if opened is not None and not _writes(opened[1]):
        run = c.values["run"]
        yield f'{opened[0]} gives labels and does not converse; type: ftlab predict {run} text="your sentence"'


def _opened(c: Composed) -> tuple[Path, RunResult] | None:
    try:
        return open_run(str(c.values["run"]), str(c.values["output_dir"]))
    except UserError:
        return None  # said where the run is opened


def _writes(record: RunResult) -> bool:
    return record.model is None or record.model.task == "causal_lm"
