"""From what the user typed for a split (a file, a pattern, a folder) to the files it means. Opens none of them."""

from __future__ import annotations

import glob
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from ftlab.datasets.formats import file_ending, is_file_name, is_text_file
from ftlab.errors import DataError

# What a file or a folder of a split is called, as the hub's own loader knows it.
CALLED = {
    "train": re.compile(r"(?<![a-z])(train|training)(?![a-z])"),
    "val": re.compile(r"(?<![a-z])(val|valid|validation|dev)(?![a-z])"),
    "test": re.compile(r"(?<![a-z])(test|testing|eval|evaluation)(?![a-z])"),
}
_MOST_FILES = 10_000  # looked at in a folder
_MOST_NAMED = 8


def is_pattern(value: str) -> bool:
    """Say whether ``value`` is a pattern of file names; a file called so goes before."""
    return any(sign in value for sign in "*?[") and not Path(value).expanduser().exists()


def pattern_files(key: str, value: str) -> list[Path]:
    """Return the files that a pattern names, sorted.

    Raises:
        DataError: there is none, or one that cannot be read.
    """
    path = Path(value).expanduser()
    files = sorted(found for name in glob.glob(str(path), recursive=True) if (found := Path(name)).is_file())
    typed = shlex.quote(f"{key}={value}")
    if not files:
        held = _named(_data_files(path.parent)) if path.parent.is_dir() else ""
        seen = f"; {path.parent.resolve()} holds {held}" if held else ""
        raise DataError(f"{typed} matches no file{seen}; type another pattern, or the name of a file")
    other = [path for path in files if not is_file_name(path.name)]
    if other and not all(is_text_file(path.name) for path in files):
        raise DataError(f"{typed} matches {other[0]} too, which is no data file; type a pattern that leaves it out")
    return files


def folder_files(key: str, folder: Path, split: str) -> list[Path]:
    """Return the files of a split in ``folder``, which go by their names: train; val, dev, valid; test.

    They lie in the folder itself, in one called ``data``, or in one called like the split. Several are taken together
    only as numbered parts of one; an empty list means that the folder has no such split.

    Raises:
        DataError: several files could be meant.
    """
    called = [path for path in _data_files(folder) if _split_of(path.relative_to(folder)) == split]
    exact = [path for path in called if CALLED[split].fullmatch(_stem(path))]
    if len(exact) == 1:
        return exact
    # By the digits a name is left without: train-00000-of-00002.parquet and train-00001-of-00002.parquet are one file.
    kinds = {re.sub(r"\d+", "#", str(path.relative_to(folder))) for path in exact or called}
    inside = {path.parent for path in called} - {folder, folder / "data"}
    if len(kinds) > 1 and not (len(inside) == 1 and len({file_ending(path.name) for path in called}) == 1):
        listed = _named(exact or called)
        raise DataError(f"{key}={folder} holds several files for {split} ({listed}); name one, e.g. {key}={called[0]}")
    return exact or called


def text_files(folder: Path, split: str) -> list[Path]:
    """Return the .txt files of a split in ``folder`` and one level below, sorted: each is a document.

    They go by their names, or the names of their folders; where none is called like a split, all are train.
    """
    found = [
        path
        for level in ("*", "*/*")
        for path in folder.glob(level)
        if is_text_file(path.name) and path.is_file() and not path.relative_to(folder).as_posix().startswith(".")
    ]
    called = {path: _split_of(path.relative_to(folder)) for path in found}
    if not any(called.values()):
        return sorted(found) if split == "train" else []
    return sorted(path for path in found if called[path] == split)


def no_split(key: str, folder: Path, split: str) -> DataError:
    """Return the error for a folder without the split."""
    held = _data_files(folder)
    if not held:
        texts = any(is_text_file(path.name) for path in folder.glob("*"))
        more = ", or type dataset.format=text to read its .txt files as plain text" if texts else ""
        return DataError(
            f"{key}={folder} is a folder without a csv, tsv, jsonl, json or parquet file; name another{more}"
        )
    every = shlex.quote(f"{key}={folder}/*{''.join(held[0].suffixes[-2:])}")
    return DataError(
        f"{key}={folder} is a folder without a file called {split}; it holds {_named(held)}; name a file in it, "
        f"e.g. {key}={held[0]}, or type {every} for all of them"
    )


def short_names(files: Sequence[Path]) -> list[str]:
    """Return a name for each file within row ids: what is left of its path behind the folder they share."""
    parents = {path.parent for path in files}
    if len(parents) == 1:
        return [path.name for path in files]
    shared = 0
    while len({path.parts[: shared + 1] for path in files}) == 1:
        shared += 1
    return ["/".join(path.parts[shared:]) for path in files]


def _data_files(folder: Path) -> list[Path]:
    """Return the data files in ``folder`` and one level below, sorted; hidden ones are not meant."""
    found: list[Path] = []
    for level in ("*", "*/*"):
        for path in folder.glob(level):
            if not path.relative_to(folder).as_posix().startswith(".") and is_file_name(path.name) and path.is_file():
                found.append(path)
            if len(found) >= _MOST_FILES:
                break
    return sorted(found)


def _split_of(path: Path) -> str | None:
    """Return which split a file belongs to by its name, else by the name of its folder."""
    for name in (_stem(path), path.parent.name.casefold()):
        found = [split for split, pattern in CALLED.items() if pattern.search(name)]
        if len(found) == 1:
            return found[0]
    return None


def _stem(path: Path) -> str:
    return path.name.casefold().partition(".")[0]


def _named(files: Sequence[Path]) -> str:
    names = short_names(files) if files else []
    return ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")
