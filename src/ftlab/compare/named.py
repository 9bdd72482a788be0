"""Names in a sentence: a few of them, and how many more there are."""

from __future__ import annotations

from collections.abc import Sequence

MOST = 4  # names that a sentence can bear


def a_few(names: Sequence[str], most: int = MOST) -> str:
    """Return ``a, b, c, d and 3 more``, in the order given; all of them where they are ``most`` or fewer."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
