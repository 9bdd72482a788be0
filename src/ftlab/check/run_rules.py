"""Rules of the verbs that take a finished run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from ftlab.check.composed import Composed, missing_path, options


def _run(c: Composed) -> Iterable[str]:
    run = str(c.values["run"])
    if c.values["text"] is None:
        yield f'text is missing; type: ftlab {c.verb} {run} text="your sentence"'
    if run != "latest" and not Path(run).is_dir():
        is_file = Path(run).exists()
        yield f"run={run} is a file; give the run's folder" if is_file else missing_path("run", run, os.path.isdir)


PREDICT_RULES: tuple[Callable[[Composed], Iterable[str]], ...] = (_run, options)
