"""Rules of ``list``: where to look, and the words its filters can hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from ftlab.check.composed import Composed, missing_path, options
from ftlab.errors import did_you_mean
from ftlab.inventory.selection import FILTERS, SORTS, STATUSES


def _folder(c: Composed) -> Iterable[str]:
    folder = str(c.values["output_dir"])
    if Path(folder).is_dir() or folder == c.defaults["output_dir"]:
        return  # nobody has trained yet: the verb says how to
    if Path(folder).exists():
        yield f"output_dir={folder} is a file; give the folder that holds your runs"
    else:
        yield missing_path("output_dir", folder, os.path.isdir)


def _words(c: Composed) -> Iterable[str]:
    for key in FILTERS:
        if c.values[key] is not None and not str(c.values[key]).strip(" ,"):
            yield f"{key}= names nothing; write {key}=<word>, or leave it out"
    for word in str(c.values["status"] or "").split(","):
        if word.strip() and word.strip().casefold() not in STATUSES:
            yield _choice("status", word.strip(), STATUSES)
    if c.values["sort"] not in SORTS:
        yield _choice("sort", str(c.values["sort"]), SORTS)


def _choice(key: str, word: str, choices: Collection[str]) -> str:
    near = did_you_mean(word, choices).replace("mean ", f"mean {key}=") or "."
    return f"{key}={word} is not possible{near} Choices: {', '.join(choices)}"


def _limit(c: Composed) -> Iterable[str]:
    limit = c.values["limit"]
    if limit is not None and limit < 1:
        yield f"limit={limit} shows no run; write e.g. limit=20"


LIST_RULES: tuple[Callable[[Composed], Iterable[str]], ...] = (_folder, _words, _limit, options)
