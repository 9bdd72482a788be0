"""What a user can do wrong, said in one sentence each, with the next thing to type."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user can put right. The command ends with exit code 2 and no traceback.

    Args:
        sentences: one sentence per fault: the key or place, the value found, the remedy.
    """

    def __init__(self, *sentences: str) -> None:
        assert sentences, "a UserError says what is wrong"
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class ConfigError(UserError):
    """A fault of the configuration, found without a heavy import."""


class DataError(UserError):
    """A fault of the data, found before a weight is loaded."""


class ModelError(UserError):
    """A fault of model against adapter or data, found before a weight is loaded."""


class RunError(RuntimeError):
    """Something a run meets under way and cannot get past, said in one sentence; exit code 1, and its record stays."""


def closest(word: str, choices: Iterable[str]) -> str | None:
    """Return the choice a reader would take ``word`` for, or None.

    The nearest whole name wins, then one whose last part is near (``rnk`` for ``adapter.rank``). Capitals do not count.
    """
    names = {name.casefold(): name for name in reversed(list(choices))}
    found = difflib.get_close_matches(word.casefold(), list(names), n=1, cutoff=0.6)
    if found:
        return names[found[0]]
    lasts = {folded.rsplit(".", 1)[-1]: name for folded, name in names.items()}
    found = difflib.get_close_matches(word.casefold().rsplit(".", 1)[-1], list(lasts), n=1, cutoff=0.75)
    return lasts[found[0]] if found else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return ``"; did you mean x?"``, or an empty string where nothing is near."""
    near = closest(word, choices)
    return f"; did you mean {near}?" if near else ""
