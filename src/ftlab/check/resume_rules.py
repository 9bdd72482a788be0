"""Rules of ``resume=``: a run folder on this machine, or the word latest."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ftlab.check.aliases import RESUME_LATEST, RESUME_NOT
from ftlab.check.composed import Composed, missing_run

_MARKS = ("state.json", "sweep.json")


def resume(c: Composed) -> Iterable[str]:
    """Say what is wrong with the value of ``resume``, before anybody looks into the folder."""
    value = c.values.get("resume")
    if value is None or value == "latest":
        return
    text = str(value)
    folder = Path(text).expanduser()
    if "://" in text:
        yield f"resume={text} is an address; a run goes on in its folder on this machine; write resume=latest"
    elif text.casefold() in RESUME_LATEST and not folder.exists():
        yield f"resume={text} is no folder; write resume=latest"
    elif text.casefold() in RESUME_NOT:
        yield f"resume={text or repr('')} is no folder; leave it out to start a new run"
    elif not _is(folder, os.path.exists):
        yield missing_run("resume", text)
    elif not _is(folder, os.path.isdir):
        yield f"resume={text} is a file; give the run's folder: resume={_run_folder(folder)}"


def _is(path: Path, test: object) -> bool:
    try:
        return bool(test(path)) if callable(test) else False
    except ValueError:  # a NUL in it
        return False


def _run_folder(file: Path) -> Path | str:
    """Return the nearest folder above ``file`` that a run or a sweep began in."""
    above = (folder for folder in file.parents if any((folder / mark).is_file() for mark in _MARKS))
    return next(above, "<folder>")
