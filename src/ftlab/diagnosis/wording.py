"""Numbers in the sentences of a diagnosis."""

from __future__ import annotations


def num(value: float) -> str:
    """Return three significant digits: ``0.512``, ``17.9``, ``1.2e-05``."""
    return f"{value:.3g}"


def share(value: float) -> str:
    """Return a share as percent: ``12%``, of less than 10% with a digit more: ``2.4%``."""
    return f"{100 * value:.0f}%" if value >= 0.1 else f"{100 * value:.2g}%"


def told(one: float, other: float) -> tuple[str, str]:
    """Return two numbers in as many digits as show that they differ, three at least: ``1.098``, ``1.099``.

    Beyond six digits they are called equal.
    """
    pairs = [(f"{one:.{digits}g}", f"{other:.{digits}g}") for digits in range(3, 7)]
    return next((pair for pair in pairs if pair[0] != pair[1]), pairs[0])
