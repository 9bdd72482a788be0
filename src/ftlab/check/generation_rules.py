"""Rules on ``generation`` where a finished run answers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ftlab.check.composed import Composed
from ftlab.decoding.options import generation_faults
from ftlab.errors import UserError
from ftlab.finished import open_run
from ftlab.results import RunResult
from ftlab.schema import GenerationConfig


def generation(c: Composed) -> Iterable[str]:
    """Yield options of writing that are out of range, or given to a run that gives labels."""
    yield from generation_faults(GenerationConfig(**c.values["generation"]))
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
